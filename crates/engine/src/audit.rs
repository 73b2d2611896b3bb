//! The audit log. Opening the same thing again and again (a page that polls) is one entry a
//! minute, so that the log says who looked at what without drowning in repetitions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::Action;
use freehold_store::{NewAudit, Outcome, Tx};

use crate::keys::SERVER;
use crate::{Caller, Engine, Result};

/// Repetitions within this time are one entry.
const SAME_LOOK: TimeDelta = TimeDelta::minutes(1);
/// Remembered looks; past that the oldest memory is dropped and an entry more is written.
const REMEMBERED_MAX: usize = 4096;
/// What an entry is for that tells of a refusal.
const REFUSED: &str = "access";
/// Characters of a path that are kept: ours are shorter.
const PATH_MAX: usize = 200;

/// Who looked at what, and why.
type Look = (String, String, &'static str);

/// What was audited lately.
#[derive(Default)]
pub struct Recent(Mutex<HashMap<Look, DateTime<Utc>>>);

impl Recent {
    /// Whether this look is not a repetition.
    fn is_news(&self, look: &Look, now: DateTime<Utc>) -> bool {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was turned back makes nothing a repetition of what is still to come.
        seen.get(look)
            .is_none_or(|at| (now - *at).abs() >= SAME_LOOK)
    }

    /// There is an entry of it.
    fn remember(&self, look: Look, now: DateTime<Utc>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED_MAX {
            seen.retain(|_, at| (now - *at).abs() < SAME_LOOK);
        }
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        seen.insert(look, now);
    }
}

impl Engine {
    /// Records an act in the transaction that does it.
    pub(crate) async fn audit(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        action: &str,
        resource: &str,
        purpose: &str,
    ) -> Result<()> {
        tx.audit_insert(entry(self.now(), caller, action, resource, purpose));
        Ok(())
    }

    /// Records that content was opened, unless it is a repetition.
    pub(crate) async fn audit_open(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        resource: &str,
        purpose: &'static str,
    ) -> Result<()> {
        let now = self.now();
        let look = (caller.actor(), resource.to_owned(), purpose);
        if self.audited.is_news(&look, now) {
            let entry = entry(now, caller, "content.open", resource, purpose);
            self.audit_once(tx, look, entry);
        }
        Ok(())
    }

    /// Writes an entry, and remembers it once it is there: one that was not committed is written again.
    fn audit_once(&self, tx: &mut Tx, look: Look, entry: NewAudit) {
        let (audited, now) = (self.audited.clone(), entry.at);
        tx.audit_insert(entry);
        tx.after_commit(move || audited.remember(look, now));
    }

    /// Records that somebody was refused what they may not do; the same again and again is one entry a
    /// minute, so that nobody can fill the log with it.
    ///
    /// # Errors
    /// [`crate::Error`].
    pub async fn audit_refused(&self, caller: &Caller, action: Action, path: &str) -> Result<()> {
        let now = self.now();
        let actor = format!("{} {}", caller.tenant, caller.actor());
        let look = (actor, action.word().to_owned(), REFUSED);
        if !self.audited.is_news(&look, now) {
            return Ok(());
        }
        let mut tx = self.store().begin(caller.tenant).await?;
        let path: String = path.chars().take(PATH_MAX).collect();
        let refused = NewAudit {
            outcome: Outcome::Refused,
            ..entry(now, caller, action.word(), &path, REFUSED)
        };
        self.audit_once(&mut tx, look, refused);
        tx.commit().await?;
        Ok(())
    }
}

/// What the installation itself did.
pub(crate) fn own(at: DateTime<Utc>, action: &str, resource: String, purpose: &str) -> NewAudit {
    NewAudit {
        at,
        actor: SERVER.to_owned(),
        action: action.to_owned(),
        resource,
        purpose: purpose.to_owned(),
        outcome: Outcome::Done,
        correlation: String::new(),
        address: String::new(),
    }
}

fn entry(
    at: DateTime<Utc>,
    caller: &Caller,
    action: &str,
    resource: &str,
    purpose: &str,
) -> NewAudit {
    NewAudit {
        at,
        actor: caller.actor(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        purpose: purpose.to_owned(),
        outcome: Outcome::Done,
        correlation: caller.correlation.as_deref().unwrap_or_default().to_owned(),
        address: caller
            .address
            .map(|address| address.to_string())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_clock_that_goes_back_makes_nothing_a_repetition() {
        let recent = Recent::default();
        let look = || ("user:1".to_owned(), "card:1".to_owned(), "card.read");
        let now = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
        assert!(recent.is_news(&look(), now));
        recent.remember(look(), now);
        assert!(!recent.is_news(&look(), now + TimeDelta::seconds(5)));
        assert!(!recent.is_news(&look(), now - TimeDelta::seconds(5)));
        assert!(recent.is_news(&look(), now + SAME_LOOK));
        assert!(recent.is_news(&look(), now - TimeDelta::hours(1)));
    }
}
