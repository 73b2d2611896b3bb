//! Mails: written with the change that they tell of, sealed to the server, sent after the commit.
//!
//! A one-time token is in no row: it is sealed in its mail until that has gone out, and a token that
//! sets a new password is made only then. What went out or not is not sent again: whoever waits for it
//! asks for another.

use chrono::TimeDelta;
use freehold_model::{Email, MailId, Role};
use freehold_store::{Became, NewMail, TakenMail};
use freehold_wire::token::{Kind, Token};
use serde::{Deserialize, Serialize};

use crate::account::RESET_LIFETIME;
use crate::identity::{Delivery, Letter};
use crate::{Engine, Error, Result, refuse};
use freehold_wire::problem::Code;

/// Mails taken at a time.
const TAKEN: i32 = 20;
/// Tries of one mail: with the waits between them a bit more than a day.
const TRIES: u32 = 10;
/// The wait after the first try; doubled with each.
const WAIT: TimeDelta = TimeDelta::minutes(3);
/// A mail that was taken this long ago has lost its sender: the longest that a try may take, ten times.
const LOST: TimeDelta = TimeDelta::minutes(15);
/// How long it is remembered that a mail was sent: for whoever looks into why one did not arrive.
const KEPT: TimeDelta = TimeDelta::days(14);

/// What a mail says.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Mail {
    /// Somebody asked for an account with this address.
    Registration {
        to: Email,
        name: String,
        token: String,
    },
    /// Somebody forgot the password of the account with this address, if there is one.
    Forgot { to: Email },
    /// The password was changed.
    PasswordChanged {
        to: Email,
        name: String,
        /// Providers of identities that were linked are linked no more.
        #[serde(default)]
        unlinked: bool,
    },
    /// Who somebody is at a provider was linked to their account, or is no more.
    WaysChanged {
        to: Email,
        name: String,
        provider: String,
        added: bool,
    },
    /// Somebody is invited.
    Invitation {
        to: Email,
        by: String,
        organization: String,
        role: Role,
        token: String,
    },
}

fn purpose(id: MailId) -> String {
    format!("mail/{id}")
}

impl Engine {
    /// A mail as it is stored. Refused where the server sends none.
    pub(crate) fn mail(&self, mail: &Mail) -> Result<NewMail> {
        if self.door().settings.post.is_none() {
            return refuse(
                Code::Unavailable,
                "this server sends no mail; whoever operates it starts it with `--smtp` or `--mail-dir`",
            );
        }
        let id: MailId = self.new_id();
        let plain = serde_json::to_vec(mail).map_err(|_| Error::Internal("a mail".into()))?;
        let server = self.keys().seal().public();
        let sealed = server
            .seal(&purpose(id), &plain, self.entropy())
            .map_err(|_| Error::Internal("the server's key is malformed".into()))?;
        let at = self.now();
        Ok(NewMail { id, sealed, at })
    }

    /// Sends what is due. True when there may be more.
    ///
    /// # Errors
    /// [`Error`], when the database is away; a mail that cannot be sent is tried again by itself.
    pub async fn post(&self) -> Result<bool> {
        let Some(post) = self.door().settings.post.clone() else {
            return Ok(false);
        };
        let taken = self.store().mail_take(TAKEN, self.now()).await?;
        let more = taken.len() >= usize::try_from(TAKEN).unwrap_or(usize::MAX);
        for mail in taken {
            let id = mail.id;
            let delivery = match self.letter(&mail).await {
                Ok(Some(letter)) => post.send(letter).await,
                Ok(None) => Delivery::Sent,
                Err(Error::Store(error)) => Delivery::Later(error.to_string()),
                Err(error) => Delivery::Refused(error.to_string()),
            };
            self.store()
                .mail_put(id, self.became(&mail, delivery))
                .await?;
        }
        Ok(more)
    }

    /// Forgets what is old, and gives up what lost its sender.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn post_tidy(&self) -> Result<()> {
        Ok(self.store().post_tidy(self.now(), LOST, KEPT).await?)
    }

    fn became(&self, mail: &TakenMail, delivery: Delivery) -> Became {
        let id = mail.id;
        match delivery {
            Delivery::Sent => Became::Sent,
            Delivery::Later(why) if mail.tries < TRIES => {
                tracing::warn!(%id, tries = mail.tries, why, "a mail could not be sent; it is tried again");
                Became::Waiting(self.now() + WAIT * (1 << mail.tries.saturating_sub(1).min(8)))
            }
            Delivery::Later(why) | Delivery::Refused(why) => {
                tracing::error!(%id, tries = mail.tries, why, "a mail is given up");
                Became::Failed
            }
            Delivery::Unknown(why) => {
                tracing::error!(%id, why, "a mail went out or not; it is not sent again");
                Became::Unknown
            }
        }
    }

    /// The mail as it goes out; none where nobody is to have it.
    async fn letter(&self, taken: &TakenMail) -> Result<Option<Letter>> {
        let opened = self.keys().seal().open(&purpose(taken.id), &taken.sealed);
        let plain =
            opened.map_err(|_| Error::Internal("a mail is sealed to another key".into()))?;
        let mail: Mail = serde_json::from_slice(&plain)
            .map_err(|_| Error::Internal("a mail is of another version".into()))?;
        let home = self.door().home();
        let (to, subject, text) = match mail {
            Mail::Registration { to, name, token } => {
                match self.store().user_by_email(&to).await? {
                    Some(_) => (
                        to,
                        "You have an account already".to_owned(),
                        has_account(home),
                    ),
                    None => {
                        let text = registration(home, &name, &token);
                        (to, "Confirm your address".to_owned(), text)
                    }
                }
            }
            Mail::Forgot { to } => {
                let Some(token) = self.reset_token(&to).await? else {
                    return Ok(None);
                };
                (to, "Set a new password".to_owned(), forgot(home, &token))
            }
            Mail::PasswordChanged { to, name, unlinked } => (
                to,
                "Your password was changed".to_owned(),
                changed(home, &name, unlinked),
            ),
            Mail::WaysChanged {
                to,
                name,
                provider,
                added,
            } => (
                to,
                match added {
                    true => "There is another way into your account".to_owned(),
                    false => "A way into your account is gone".to_owned(),
                },
                ways_changed(home, &name, &provider, added),
            ),
            Mail::Invitation {
                to,
                by,
                organization,
                role,
                token,
            } => {
                let text = invitation(home, &by, &organization, role, &token);
                (to, format!("{by} invites you to {organization}"), text)
            }
        };
        Ok(Some(Letter {
            id: taken.id,
            to,
            subject,
            text,
        }))
    }

    /// A token that sets a new password, made when its mail goes out; none where nobody has the address.
    async fn reset_token(&self, to: &Email) -> Result<Option<Token>> {
        let Some(user) = self.store().user_by_email(to).await? else {
            return Ok(None);
        };
        let token = Token::generate(Kind::Reset, self.entropy());
        let now = self.now();
        let mut tx = self.store().begin_person(user).await?;
        tx.reset_insert(&token.hash(), now, now + RESET_LIFETIME)
            .await?;
        tx.commit().await?;
        Ok(Some(token))
    }
}

const IGNORE: &str = "If that was not you, do nothing: without this mail nobody can go on.";

fn registration(home: &str, name: &str, token: &str) -> String {
    format!(
        "Hello {name},\n\nsomebody asked for an account with this address. To confirm that it was you, open\n\n\
         {home}/confirm#{token}\n\nwithin a day, and give the password that you chose.\n\n{IGNORE}\n"
    )
}

fn has_account(home: &str) -> String {
    format!(
        "Hello,\n\nsomebody asked for an account with this address, which has one already. To sign in, open\n\n\
         {home}/sign-in\n\nThere you can also ask for a new password. If that was not you, do nothing.\n"
    )
}

fn forgot(home: &str, token: &Token) -> String {
    format!(
        "Hello,\n\nsomebody asked to set a new password for the account with this address. To do so, open\n\n\
         {home}/new-password#{token}\n\nwithin an hour. It works once, and signs all browsers out.\n\n{IGNORE}\n"
    )
}

fn changed(home: &str, name: &str, unlinked: bool) -> String {
    let unlinked = match unlinked {
        true => {
            " Other ways into your account are gone, too: link those that are yours anew in the settings."
        }
        false => "",
    };
    format!(
        "Hello {name},\n\nthe password of your account was changed, and all other browsers were signed out.{unlinked}\n\n\
         If that was not you, set a new one at once: {home}/sign-in\n"
    )
}

fn ways_changed(home: &str, name: &str, provider: &str, added: bool) -> String {
    let what = match added {
        true => format!("from now on you sign in with {provider}, too"),
        false => format!("you do not sign in with {provider} any more"),
    };
    format!(
        "Hello {name},\n\n{what}.\n\nIf that was not you, set a new password at once, and look at what is linked \
         to your account: {home}/sign-in\n"
    )
}

fn invitation(home: &str, by: &str, organization: &str, role: Role, token: &str) -> String {
    format!(
        "Hello,\n\n{by} invites you to the organization\n\n    {organization}\n\nas its {role}. To join, open\n\n\
         {home}/join#{token}\n\nwithin a week. Only you can accept it. If you do not know them, do nothing.\n"
    )
}
