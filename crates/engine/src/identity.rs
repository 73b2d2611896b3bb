//! How people come in: what the operator allows, the way out for mail, and what is guarded against those
//! who try too often.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use freehold_model::{Email, MailId};

use crate::Answer;
use crate::oidc::Provider;
use crate::password::Hasher;
use crate::throttle::Throttle;

/// Who gets an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Whoever asks, once they have shown that the address is theirs.
    Open,
    /// Whoever was invited.
    Invited,
    /// Nobody.
    #[default]
    Closed,
}

impl Registration {
    /// All, the most open first.
    pub const ALL: [Self; 3] = [Self::Open, Self::Invited, Self::Closed];

    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invited => "invited",
            Self::Closed => "closed",
        }
    }
}

impl std::str::FromStr for Registration {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|registration| registration.name() == word)
            .ok_or_else(|| "say open, invited or closed".to_owned())
    }
}

/// What the operator says about people.
#[derive(Clone, Default)]
pub struct Identity {
    /// Who gets an account.
    pub registration: Registration,
    /// Whether people may make organizations of their own.
    pub organizations: bool,
    /// Where people find this server, like `https://freehold.example.org`: links in mails begin with it.
    /// Where it listens, where silent ([`crate::Engine::is_at`]).
    pub home: Option<String>,
    /// The way out for mail.
    pub post: Option<Arc<dyn Post>>,
    /// Providers of identities, in the order in which they are shown.
    pub providers: Vec<Provider>,
}

/// A mail on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its id, which makes its `Message-ID`: the same mail has the same one.
    pub id: MailId,
    /// To whom.
    pub to: Email,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// What became of a mail that was to go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has it.
    Sent,
    /// Nothing went out, for a reason that may pass.
    Later(String),
    /// Nothing went out, and trying again is in vain.
    Refused(String),
    /// It went out or not.
    Unknown(String),
}

/// The way out for mail. `server` implements it over SMTP, and over a directory.
pub trait Post: Send + Sync + 'static {
    /// Hands a mail over, within a bounded time.
    fn send(&self, letter: Letter) -> Answer<'_, Delivery>;
}

/// Where a request came from, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whence {
    /// The address.
    pub address: Option<IpAddr>,
    /// What the browser said that it is.
    pub browser: Option<String>,
}

/// Most characters that are kept of what a browser says that it is.
const BROWSER_MAX: usize = 200;

impl Whence {
    /// From an address, with what a browser says that it is cut to what people read.
    #[must_use]
    pub fn new(address: Option<IpAddr>, browser: Option<&str>) -> Self {
        let browser = browser.map(|said| {
            let shown = said.chars().filter(|c| !c.is_control());
            shown.take(BROWSER_MAX).collect()
        });
        Self { address, browser }
    }

    pub(crate) fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }
}

/// All that the engine keeps about how people come in.
#[derive(Default)]
pub(crate) struct Door {
    pub(crate) settings: Identity,
    pub(crate) hasher: Hasher,
    pub(crate) throttle: Throttle,
    pub(crate) share: crate::share::Share,
    pub(crate) listens_at: OnceLock<String>,
}

impl Door {
    pub(crate) fn new(settings: Identity) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Where people find this server.
    pub(crate) fn home(&self) -> &str {
        let home = self.settings.home.as_deref();
        home.or(self.listens_at.get().map(String::as_str))
            .unwrap_or_default()
            .trim_end_matches('/')
    }
}
