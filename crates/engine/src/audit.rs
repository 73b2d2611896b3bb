//! The audit log. Opening the same thing again and again (a page that polls) is one entry a
//! minute, so that the log says who looked at what without drowning in repetitions.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_store::Tx;

use crate::{Caller, Engine, Result};

/// Repetitions within this time are one entry.
const SAME_LOOK: TimeDelta = TimeDelta::minutes(1);
/// Remembered looks; past that the oldest memory is dropped and an entry more is written.
const REMEMBERED_MAX: usize = 4096;

/// Who looked at what, and why.
type Look = (String, String, &'static str);

/// What was audited lately.
#[derive(Default)]
pub struct Recent(Mutex<HashMap<Look, DateTime<Utc>>>);

impl Recent {
    /// Whether this look is not a repetition; remembers it.
    fn is_news(
        &self,
        actor: &str,
        resource: &str,
        purpose: &'static str,
        now: DateTime<Utc>,
    ) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (actor.to_owned(), resource.to_owned(), purpose);
        if seen.get(&key).is_some_and(|at| now - *at < SAME_LOOK) {
            return false;
        }
        if seen.len() >= REMEMBERED_MAX {
            seen.retain(|_, at| now - *at < SAME_LOOK);
        }
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        seen.insert(key, now);
        true
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
        tx.audit_insert(self.now(), &caller.actor(), action, resource, purpose);
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
        if self
            .audited
            .is_news(&caller.actor(), resource, purpose, now)
        {
            tx.audit_insert(now, &caller.actor(), "content.open", resource, purpose);
        }
        Ok(())
    }
}
