//! What is sealed of a webhook: where it is, and what signs.

use chrono::{DateTime, TimeDelta, Utc};
use freehold_wire::webhook::Secret;
use serde::{Deserialize, Serialize};

/// How long a secret signs on that another took the place of.
const OLD_SECRET: TimeDelta = TimeDelta::hours(24);
/// Earlier secrets that sign beside the present one. Each is a signature in a header; who rotates more often
/// within a day has a receiver that nobody configures by hand.
const EARLIER_MAX: usize = 4;

/// What is sealed of a webhook.
#[derive(Serialize, Deserialize)]
pub(crate) struct Inside {
    pub(crate) address: String,
    pub(crate) secret: Secret,
    /// The one before. On its own, as servers of the release before read it.
    pub(crate) old: Option<Old>,
    /// Those before that one, the newest first.
    #[serde(default)]
    pub(crate) older: Vec<Old>,
}

/// A secret before a rotation.
#[derive(Serialize, Deserialize)]
pub(crate) struct Old {
    pub(crate) secret: Secret,
    pub(crate) until: DateTime<Utc>,
}

impl Inside {
    /// The secrets that sign now, the newest first.
    pub(crate) fn secrets(&self, now: DateTime<Utc>) -> Vec<&Secret> {
        let earlier = self.old.iter().chain(&self.older);
        let good = earlier.filter(|old| old.until > now);
        std::iter::once(&self.secret)
            .chain(good.map(|old| &old.secret))
            .collect()
    }

    /// Until when the last of the earlier secrets signs, where one does.
    pub(crate) fn old_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let earlier = self.old.iter().chain(&self.older);
        earlier
            .map(|old| old.until)
            .filter(|until| *until > now)
            .max()
    }

    /// The same with another secret. Every earlier one signs on for its day: the receiver may still have any
    /// of them.
    pub(crate) fn rotated(self, secret: Secret, now: DateTime<Utc>) -> Self {
        let earlier = self.old.into_iter().chain(self.older);
        let older = earlier.filter(|old| old.until > now);
        Self {
            address: self.address,
            secret,
            old: Some(Old {
                secret: self.secret,
                until: now + OLD_SECRET,
            }),
            older: older.take(EARLIER_MAX - 1).collect(),
        }
    }
}
