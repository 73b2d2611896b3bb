//! A mail server: aiosmtpd (PyPI), started on loopback by a test and ended with it. `scripts/install
//! test` puts it into `target/aiosmtpd`. Some addresses are trouble: those that begin with `later` are
//! refused twice for now, with `never` for good, and behind `lost` the connection breaks off when the
//! mail was taken and before that is said.

use std::path::Path;
use std::sync::{Arc, Mutex};

use freehold_engine::identity::Post;
use freehold_server::Smtp;

use crate::helper::{Helper, Speaks};

const PLACE: &str = "../../target/aiosmtpd/bin/python";
const PROGRAM: &str = r#"
import asyncio, email, email.policy, json, sys
from aiosmtpd.smtp import SMTP
tried = {}
class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        tried[address] = tried.get(address, 0) + 1
        if address.startswith("never"):
            return "550 no such mailbox"
        if address.startswith("later") and tried[address] < 3:
            return "451 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        said = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({
            "to": envelope.rcpt_tos, "sender": envelope.mail_from, "subject": said["subject"],
            "headers": [name for name, _ in said.items()], "text": said.get_content(),
        }), flush=True)
        if envelope.rcpt_tos[0].startswith("lost"):
            server.transport.abort()
            await asyncio.sleep(60)
        return "250 OK"
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), hostname="mail.test"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

/// A mail that arrived.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Arrived {
    /// To whom the envelope says.
    pub to: Vec<String>,
    /// From whom the envelope says.
    pub sender: String,
    /// The subject, decoded.
    pub subject: String,
    /// The names of all headers.
    pub headers: Vec<String>,
    /// The text, decoded.
    pub text: String,
}

impl Arrived {
    /// The one-time token of the link in it.
    #[must_use]
    pub fn token(&self) -> String {
        let link = self.text.lines().find_map(|line| line.split_once('#'));
        link.expect("a mail with a link").1.trim().to_owned()
    }
}

/// A mail server.
#[derive(Debug)]
pub struct MailServer {
    _helper: Helper,
    port: u16,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl MailServer {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join(PLACE);
        let mut command = Helper::command(python);
        command.args(["-c", PROGRAM]);
        let arrived = Arc::<Mutex<Vec<Arrived>>>::default();
        let letters = arrived.clone();
        let (helper, port) = Helper::start(
            command,
            Speaks::Output,
            |line| line.parse().ok(),
            move |line| {
                let letter = serde_json::from_str(&line).unwrap();
                letters.lock().unwrap().push(letter);
            },
        );
        Self {
            _helper: helper,
            port,
            arrived,
        }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The way to it, for a server's settings.
    #[must_use]
    pub fn post(&self) -> Arc<dyn Post> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = self.url();
        let from = "freehold@example.org".parse().unwrap();
        Arc::new(Smtp::new(&url, &from, Some("example.org")).unwrap())
    }

    /// What arrived so far.
    #[must_use]
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// The last mail to an address, once there are so many.
    pub async fn mail(&self, to: &str, count: usize) -> Arrived {
        crate::eventually(&format!("{count} mails to {to}"), async || {
            let mut mails = self.arrived();
            mails.retain(|mail| mail.to == [to]);
            mails.pop().filter(|_| mails.len() + 1 >= count)
        })
        .await
    }
}
