//! The way out for mail: over SMTP, or into a directory where a person looks.

use std::path::PathBuf;
use std::time::Duration;

use freehold_engine::identity::{Delivery, Letter, Post};
use freehold_engine::{Answer, Error};
use freehold_model::Email;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tokio::io::AsyncWriteExt as _;

use crate::AppState;

/// How long a step of the conversation with the mail server may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a mail may take in all; past that nobody knows whether it went out.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
/// Connections to the mail server: mails are few, and one that hangs must not hold up all.
const CONNECTIONS: u32 = 2;
/// How often mails that are due are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often what is old is forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(300);

/// Why there is no way out for mail.
#[derive(Debug, thiserror::Error)]
pub enum NoPost {
    /// The address of the mail server cannot be read. What it is, is not said: it holds a password.
    #[error(
        "the mail server's address is not like smtps://USER:PASSWORD@HOST or smtp://HOST:PORT?tls=required"
    )]
    Address,
    /// A password or a link would go over a network that others read.
    #[error("mail would leave this machine unencrypted: say smtps://, or smtp://…?tls=required")]
    Plain,
    /// Nobody could answer.
    #[error("the sender's address cannot be used")]
    From,
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// Speaks to the server at `url`, as `from`, and says that it is `host`.
    ///
    /// # Errors
    /// [`NoPost`].
    pub fn new(url: &str, from: &Email, host: Option<&str>) -> Result<Self, NoPost> {
        let (_, rest) = url.split_once("://").ok_or(NoPost::Address)?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let server = authority.rsplit('@').next().unwrap_or_default();
        let name = server.rsplit_once(':').map_or(server, |(name, _)| name);
        let is_here = name == "localhost"
            || name
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        let is_sealed = url.starts_with("smtps://") || says_tls(rest);
        if !is_here && !is_sealed {
            return Err(NoPost::Plain);
        }
        let builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| NoPost::Address)?;
        let hello = host.map_or_else(ClientId::default, |host| ClientId::Domain(host.to_owned()));
        let transport = builder
            .timeout(Some(STEP_TIMEOUT))
            .hello_name(hello)
            .pool_config(PoolConfig::new().max_size(CONNECTIONS))
            .build();
        Ok(Self {
            transport,
            from: mailbox(from)?,
        })
    }

    async fn hand_over(&self, letter: Letter) -> Delivery {
        let message = match message(&self.from, &letter) {
            Ok(message) => message,
            Err(why) => return Delivery::Refused(why),
        };
        // Up to here nothing can have gone out; what fails may be tried again.
        match self.transport.test_connection().await {
            Ok(true) => {}
            Ok(false) => return Delivery::Later("the mail server is not ready".to_owned()),
            Err(error) => return Delivery::Later(error.to_string()),
        }
        match self.transport.send(message).await {
            Ok(_) => Delivery::Sent,
            Err(error) if error.is_permanent() => Delivery::Refused(error.to_string()),
            Err(error) if error.is_transient() || error.is_tls() => {
                Delivery::Later(error.to_string())
            }
            Err(error) => Delivery::Unknown(error.to_string()),
        }
    }
}

impl Post for Smtp {
    fn send(&self, letter: Letter) -> Answer<'_, Delivery> {
        Box::pin(async {
            match tokio::time::timeout(SEND_TIMEOUT, self.hand_over(letter)).await {
                Ok(delivery) => delivery,
                Err(_) => Delivery::Unknown("the mail server took too long".to_owned()),
            }
        })
    }
}

/// A directory that mails are put into, one file each, for its owner's eyes.
pub struct Folder {
    place: PathBuf,
    from: Mailbox,
}

impl Folder {
    /// Puts mails into `place`, which is there.
    ///
    /// # Errors
    /// [`NoPost::From`].
    pub fn new(place: PathBuf, from: &Email) -> Result<Self, NoPost> {
        Ok(Self {
            place,
            from: mailbox(from)?,
        })
    }

    async fn put(&self, letter: &Letter) -> Result<(), String> {
        let message = message(&self.from, letter)?;
        let (part, whole) = (
            self.place.join(format!(".{}.part", letter.id)),
            self.place.join(format!("{}.eml", letter.id)),
        );
        let write = async {
            let mut file = tokio::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&part)
                .await?;
            file.write_all(&message.formatted()).await?;
            file.sync_all().await?;
            tokio::fs::rename(&part, &whole).await
        };
        write.await.map_err(|error| error.to_string())
    }
}

impl Post for Folder {
    fn send(&self, letter: Letter) -> Answer<'_, Delivery> {
        Box::pin(async move {
            match self.put(&letter).await {
                Ok(()) => Delivery::Sent,
                // The same mail has the same name: a second try replaces what the first left.
                Err(why) => Delivery::Later(why),
            }
        })
    }
}

/// Whether the query of an address says `tls=required`, once and plainly: of two words, or of one that is
/// written in another way, `lettre` might take what we do not.
fn says_tls(rest: &str) -> bool {
    let before = rest.split('#').next().unwrap_or_default();
    let query = before.split_once('?').map_or("", |(_, query)| query);
    let is_tls = |pair: &&str| pair.split('=').next() == Some("tls");
    let said: Vec<&str> = query.split('&').filter(is_tls).collect();
    said == ["tls=required"] && !query.contains('%')
}

fn mailbox(email: &Email) -> Result<Mailbox, NoPost> {
    email
        .as_str()
        .parse()
        .map(|address| Mailbox::new(None, address))
        .map_err(|_| NoPost::From)
}

fn message(from: &Mailbox, letter: &Letter) -> Result<Message, String> {
    let to = mailbox(&letter.to).map_err(|_| "the address cannot be written to".to_owned())?;
    let domain = from.email.domain();
    Message::builder()
        .from(from.clone())
        .to(to)
        .subject(&letter.subject)
        .message_id(Some(format!("<{}@{domain}>", letter.id)))
        // Whoever answers automatically, does not (RFC 3834 section 5).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone())
        .map_err(|error| error.to_string())
}

/// Sends what is due, until the server stops.
pub(crate) async fn run(state: AppState) {
    let mut tidied = None;
    while !state.stop.is_cancelled() {
        // Not given up while the database stands still: a mail that was taken is one that may have gone out.
        let pass = async {
            while state.engine.post().await? && !state.stop.is_cancelled() {}
            Ok::<_, Error>(())
        };
        if let Err(error) = pass.await {
            tracing::warn!(%error, "mails could not be looked after; it is tried again shortly");
        }
        if tidied.is_none_or(|at: tokio::time::Instant| at.elapsed() >= TIDY_EVERY) {
            tidied = Some(tokio::time::Instant::now());
            if let Some(Err(error)) = state.pulse.while_it_beats(state.engine.post_tidy()).await {
                tracing::warn!(%error, "old mails could not be forgotten; it is tried again later");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = state.stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn mail_leaves_the_machine_sealed_or_not_at_all() {
        let from: Email = "post@example.org".parse().unwrap();
        let sealed = |url: &str| !matches!(Smtp::new(url, &from, None), Err(NoPost::Plain));
        for url in [
            "smtps://mail.example",
            "smtp://mail.example:587?tls=required",
            "smtp://u:p@mail.example?x=y&tls=required",
            "smtp://localhost:25",
            "smtp://[::1]:25",
        ] {
            assert!(sealed(url), "{url}");
        }
        for url in [
            "smtp://mail.example",
            "smtp://mail.example?tls=opportunistic",
            // The words stand there, and say nothing.
            "smtp://u:tls=required@mail.example",
            "smtp://mail.example/tls=required",
            "smtp://mail.example?x=tls=required",
            "smtp://mail.example?xtls=required",
            "smtp://mail.example?x#?tls=required",
            "smtp://mail.example?tls=required&tls=opportunistic",
            "smtp://mail.example?tls=required&t%6cs=opportunistic",
            "smtp://mail.example?tls=requiredx",
        ] {
            assert!(!sealed(url), "{url}");
        }
    }
}
