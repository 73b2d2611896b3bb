//! The life of an invitation: open until it is accepted, revoked or too old.

use chrono::{DateTime, Utc};

/// What happened to an invitation so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// From then on it cannot be accepted.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be accepted.
    Open,
    /// Somebody joined with it.
    Accepted,
    /// It was taken back.
    Revoked,
    /// Nobody came in time; it can be sent anew.
    Expired,
}

impl State {
    /// The word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// Where an invitation is at `now`. What was accepted stays so, whatever came later.
#[must_use]
pub fn state(facts: &Facts, now: DateTime<Utc>) -> State {
    match (facts.accepted_at, facts.revoked_at) {
        (Some(_), _) => State::Accepted,
        (None, Some(_)) => State::Revoked,
        (None, None) if facts.expires_at <= now => State::Expired,
        (None, None) => State::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn it_is_open_until_its_last_moment_and_what_was_accepted_stays() {
        let until = DateTime::UNIX_EPOCH;
        let open = Facts {
            expires_at: until,
            accepted_at: None,
            revoked_at: None,
        };
        let just_before = until - TimeDelta::microseconds(1);
        assert_eq!(state(&open, just_before), State::Open);
        assert_eq!(state(&open, until), State::Expired);
        let revoked = Facts {
            revoked_at: Some(until),
            ..open
        };
        assert_eq!(state(&revoked, just_before), State::Revoked);
        let accepted = Facts {
            accepted_at: Some(until),
            ..revoked
        };
        assert_eq!(
            state(&accepted, until + TimeDelta::days(9)),
            State::Accepted
        );
    }
}
