//! How often somebody may try: a password, a token, a mail. Counted in this process, which of several servers
//! grants its share; each try is charged
//! before its work is done, and what succeeded is given back.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use freehold_model::Email;
use freehold_model::rate::{Rate, network};
use freehold_wire::problem::{Code, Problem};

use crate::identity::Whence;
use crate::{Engine, Result};

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// Passwords that were tried.
    Password,
    /// One-time tokens that were tried.
    Token,
    /// Accounts and mails that were asked for.
    Mail,
}

/// Whose tries they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    /// Of one account from one address: the first to be slowed down, so that nobody locks another out.
    Pair(Email, Option<IpAddr>),
    /// Of one account from anywhere.
    Account(Email),
    /// From one address, whatever account.
    Address(IpAddr),
}

const fn rate(burst: u32, seconds: u64) -> Rate {
    Rate::one_in(seconds, burst)
}

impl What {
    const fn rate(self, whose: &Whose) -> Rate {
        match (self, whose) {
            (Self::Password, Whose::Pair(..)) => rate(10, 30),
            // From many addresses: a hundred, as NIST SP 800-63B section 3.2.2 bounds them, then one a minute.
            (Self::Password, Whose::Account(_)) => rate(100, 60),
            (Self::Password, Whose::Address(_)) => rate(50, 2),
            (Self::Token, _) => rate(50, 2),
            // A mailbox that somebody else fills is its owner's trouble.
            (Self::Mail, Whose::Pair(..) | Whose::Account(_)) => rate(4, 15 * 60),
            (Self::Mail, Whose::Address(_)) => rate(20, 60),
        }
    }
}

/// Who is remembered; past that those are forgotten whose tries are long ago, and then the half that is nearest to it.
const REMEMBERED_MAX: usize = 50_000;

/// Up to when each one's tries are paid for, in nanoseconds since 1970.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<(What, Whose), u64>>);

/// A try that was charged.
pub(crate) struct Charged(Vec<(What, Whose, Rate)>);

/// Before 1970 it is always the same time.
fn nanos(at: DateTime<Utc>) -> u64 {
    let nanos = at.timestamp_nanos_opt().unwrap_or(i64::MAX);
    u64::try_from(nanos).unwrap_or(0)
}

impl Throttle {
    /// Charges a try to all of them, or to none. `Err`: how long to wait. Of several servers each grants its
    /// share.
    fn charge(
        &self,
        what: What,
        whose: Vec<Whose>,
        among: NonZeroU32,
        now: DateTime<Utc>,
    ) -> std::result::Result<Charged, Duration> {
        let now = nanos(now);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        let mut wait = 0;
        for whose in whose {
            let rate = what.rate(&whose).shared(among);
            let key = (what, whose);
            let paid_until = match seen.get_mut(&key) {
                Some(paid_until) => {
                    *paid_until = rate.held(*paid_until, now);
                    *paid_until
                }
                None => 0,
            };
            match rate.take(paid_until, now) {
                Ok(next) => taken.push((key, rate, next)),
                Err(longer) => wait = wait.max(longer),
            }
        }
        if wait > 0 {
            return Err(Duration::from_nanos(wait));
        }
        if seen.len() >= REMEMBERED_MAX {
            seen.retain(|_, until| *until > now);
        }
        if seen.len() >= REMEMBERED_MAX {
            // Half of them, those nearest to being forgotten: a flood of made-up addresses must not make
            // us forget an account that is being tried hard.
            let mut ends: Vec<u64> = seen.values().copied().collect();
            let middle = ends.len() / 2;
            let (_, middle, _) = ends.select_nth_unstable(middle);
            let middle = *middle;
            seen.retain(|_, until| *until > middle);
        }
        let mut charged = Vec::new();
        for (key, rate, next) in taken {
            seen.insert(key.clone(), next);
            charged.push((key.0, key.1, rate));
        }
        Ok(Charged(charged))
    }

    /// Gives a try back: it was theirs to do.
    pub(crate) fn refund(&self, charged: Charged) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, whose, rate) in charged.0 {
            if let Some(until) = seen.get_mut(&(what, whose)) {
                *until = rate.give_back(*until);
            }
        }
    }
}

impl Engine {
    /// Charges a try to whoever makes it.
    pub(crate) fn charge(
        &self,
        what: What,
        email: Option<&Email>,
        whence: &Whence,
    ) -> Result<Charged> {
        let address = whence.address.map(network);
        let mut whose = Vec::new();
        if let Some(email) = email {
            whose.push(Whose::Pair(email.clone(), address));
            whose.push(Whose::Account(email.clone()));
        }
        whose.extend(address.map(Whose::Address));
        let charged = self
            .door()
            .throttle
            .charge(what, whose, self.share().among(), self.now());
        charged.map_err(|wait| {
            let seconds = wait.as_secs().saturating_add(1);
            let detail = format!("there were too many tries; the next is possible in {seconds} s");
            Problem::new(Code::TooMany, detail)
                .retry_after(seconds)
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const ALONE: NonZeroU32 = NonZeroU32::MIN;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(10)
    }

    fn pair(n: u8) -> Vec<Whose> {
        let email: Email = "a@b.example".parse().unwrap();
        let address = IpAddr::from([10, 0, 0, n]);
        vec![
            Whose::Pair(email.clone(), Some(address)),
            Whose::Account(email),
            Whose::Address(address),
        ]
    }

    #[test]
    fn ten_at_once_then_one_in_half_a_minute_and_what_succeeds_is_not_counted() {
        let throttle = Throttle::default();
        let now = now();
        let charge = |n, at| throttle.charge(What::Password, pair(n), ALONE, at);
        for _ in 0..30 {
            throttle.refund(charge(1, now).unwrap());
        }
        for _ in 0..10 {
            charge(1, now).unwrap();
        }
        assert_eq!(charge(1, now).err(), Some(Duration::from_secs(30)));
        // Who was refused pays nothing for it.
        assert_eq!(charge(1, now).err(), Some(Duration::from_secs(30)));
        // The person themselves, elsewhere, is let in; another kind of try as well.
        assert!(charge(2, now).is_ok());
        assert!(throttle.charge(What::Token, pair(1), ALONE, now).is_ok());
        let later = now + TimeDelta::seconds(30);
        assert!(charge(1, later).is_ok() && charge(1, later).is_err());
        // A clock that jumps back locks nobody out for longer than that takes.
        let before = now - TimeDelta::days(1);
        let wait = charge(1, before).err().unwrap();
        assert_eq!(wait, Duration::from_secs(60));
        assert!(charge(1, before + wait).is_ok());
    }

    #[test]
    fn many_addresses_share_what_one_account_has() {
        let throttle = Throttle::default();
        let now = now();
        let tried = (0..=255).filter(|n| {
            throttle
                .charge(What::Password, pair(*n), ALONE, now)
                .is_ok()
        });
        assert_eq!(tried.count(), 100);
    }

    #[test]
    fn a_flood_of_made_up_addresses_does_not_make_it_forget_who_is_tried_hard() {
        let throttle = Throttle::default();
        let now = now();
        for _ in 0..10 {
            let _ = throttle.charge(What::Password, pair(1), ALONE, now);
        }
        for n in 0..2 * u32::try_from(REMEMBERED_MAX).unwrap() {
            let address = Whose::Address(IpAddr::from(n.to_be_bytes()));
            let _ = throttle.charge(What::Token, vec![address], ALONE, now);
        }
        assert!(throttle.0.lock().unwrap().len() <= REMEMBERED_MAX);
        assert!(
            throttle
                .charge(What::Password, pair(1), ALONE, now)
                .is_err()
        );
    }
}
