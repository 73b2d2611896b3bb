//! Tags of what two people may edit: who changes a thing says which state of it they saw, and is told where
//! it is another by now.
//!
//! A tag is a digest of what the API shows. It is compared in the transaction of the change, behind the
//! row's lock: of two who saw the same, one changes it.

use freehold_wire::api::{Card, EnvironmentLimits, Webhook};
use freehold_wire::problem::{Code, Problem};
use serde::Serialize;

use crate::{Error, Result};

/// Digits of a tag: 64 bits, of states of one thing.
const DIGITS: usize = 16;

/// The tag of something as it is shown.
///
/// # Errors
/// [`Error::Internal`] for what cannot be written as JSON.
pub fn of(shown: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(shown)
        .map_err(|error| Error::Internal(format!("a document cannot be written: {error}")))?;
    let mut tag = freehold_wire::dsse::fingerprint(&json);
    tag.truncate(DIGITS);
    Ok(tag)
}

/// A card's: its edition before the digest. Runs change how a card is shown all the time, and people what
/// it says: an edit is compared with what stands before the dash alone.
///
/// # Errors
/// As [`of`].
pub fn of_card(card: &Card) -> Result<String> {
    Ok(format!("{}-{}", card.version, of(card)?))
}

/// Of what the organization set, and how much of it is taken, which changes by itself.
///
/// # Errors
/// As [`of`].
pub fn of_limits(limits: &EnvironmentLimits) -> Result<String> {
    let set = of(&(limits.most, limits.idle_minutes))?;
    Ok(format!("{set}-{}", of(limits)?))
}

/// Of what people set of a webhook, and how it fares, which changes by itself.
///
/// # Errors
/// As [`of`].
pub fn of_webhook(webhook: &Webhook) -> Result<String> {
    let set = of(&(&webhook.address, &webhook.events, &webhook.paused))?;
    Ok(format!("{set}-{}", of(webhook)?))
}

/// Which states of a thing a change may be made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected(Option<Vec<String>>);

impl Expected {
    /// Whatever it is.
    #[must_use]
    pub const fn anything() -> Self {
        Self(None)
    }

    /// One of these tags.
    #[must_use]
    pub const fn one_of(tags: Vec<String>) -> Self {
        Self(Some(tags))
    }

    /// Whether a state was named.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        self.0.is_some()
    }

    /// Goes on where the thing has this tag. Of a tag with a dash in it what stands before is compared.
    ///
    /// # Errors
    /// [`Code::Stale`], which names the present tag.
    pub fn check(&self, now: &str) -> Result<()> {
        let edition = |tag: &str| tag.split('-').next().map(ToOwned::to_owned);
        match &self.0 {
            Some(tags) if !tags.iter().any(|tag| edition(tag) == edition(now)) => Err(stale(now)),
            _ => Ok(()),
        }
    }
}

fn stale(now: &str) -> Error {
    let detail = format!("this change was made from another state than the present one, \"{now}\"");
    Problem::new(Code::Stale, detail).into()
}
