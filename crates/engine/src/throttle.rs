//! How often somebody may try: a password, a token, a mail. Counted in this process; each try is charged
//! before its work is done, and what succeeded is given back.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::Email;
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

/// So many at once, and then one in each span.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: i32,
    every: TimeDelta,
}

const fn rate(burst: i32, seconds: i64) -> Rate {
    Rate {
        burst,
        every: TimeDelta::seconds(seconds),
    }
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

/// When each one's tries are forgotten: the generic cell rate algorithm keeps one time for each.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<(What, Whose), DateTime<Utc>>>);

/// A try that was charged.
pub(crate) struct Charged(Vec<(What, Whose)>);

impl Throttle {
    /// Charges a try to all of them, or to none. `Err`: how long to wait.
    fn charge(
        &self,
        what: What,
        whose: Vec<Whose>,
        now: DateTime<Utc>,
    ) -> std::result::Result<Charged, TimeDelta> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = TimeDelta::zero();
        for whose in &whose {
            let Rate { burst, every } = what.rate(whose);
            if let Some(until) = seen.get_mut(&(what, whose.clone())) {
                // A clock that was turned back locks nobody out for longer than all tries are worth.
                *until = (*until).min(now + every * burst);
                wait = wait.max(*until - now - every * (burst - 1));
            }
        }
        if wait > TimeDelta::zero() {
            return Err(wait);
        }
        if seen.len() >= REMEMBERED_MAX {
            seen.retain(|_, until| *until > now);
        }
        if seen.len() >= REMEMBERED_MAX {
            // Half of them, those nearest to being forgotten: a flood of made-up addresses must not make
            // us forget an account that is being tried hard.
            let mut ends: Vec<DateTime<Utc>> = seen.values().copied().collect();
            let middle = ends.len() / 2;
            let (_, middle, _) = ends.select_nth_unstable(middle);
            let middle = *middle;
            seen.retain(|_, until| *until > middle);
        }
        let charged: Vec<_> = whose.into_iter().map(|whose| (what, whose)).collect();
        for key in &charged {
            let every = key.0.rate(&key.1).every;
            let until = seen.entry(key.clone()).or_insert(now);
            *until = (*until).max(now) + every;
        }
        Ok(Charged(charged))
    }

    /// Gives a try back: it was theirs to do.
    pub(crate) fn refund(&self, charged: Charged) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in charged.0 {
            let every = key.0.rate(&key.1).every;
            if let Some(until) = seen.get_mut(&key) {
                *until -= every;
            }
        }
    }
}

/// Who has one address of IPv6 has the whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
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
        let charged = self.door().throttle.charge(what, whose, self.now());
        charged.map_err(|wait| {
            let seconds = u64::try_from(wait.num_seconds())
                .unwrap_or(0)
                .saturating_add(1);
            let detail = format!("there were too many tries; the next is possible in {seconds} s");
            Problem::new(Code::TooMany, detail)
                .retry_after(seconds)
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let now = DateTime::UNIX_EPOCH;
        let charge = |n, at| throttle.charge(What::Password, pair(n), at);
        for _ in 0..30 {
            throttle.refund(charge(1, now).unwrap());
        }
        for _ in 0..10 {
            charge(1, now).unwrap();
        }
        assert_eq!(charge(1, now).err(), Some(TimeDelta::seconds(30)));
        // Who was refused pays nothing for it.
        assert_eq!(charge(1, now).err(), Some(TimeDelta::seconds(30)));
        // The person themselves, elsewhere, is let in; another kind of try as well.
        assert!(charge(2, now).is_ok());
        assert!(throttle.charge(What::Token, pair(1), now).is_ok());
        let later = now + TimeDelta::seconds(30);
        assert!(charge(1, later).is_ok() && charge(1, later).is_err());
        // A clock that jumps back locks nobody out for longer than that takes.
        let before = now - TimeDelta::days(1);
        let wait = charge(1, before).err().unwrap();
        assert_eq!(wait, TimeDelta::seconds(60));
        assert!(charge(1, before + wait).is_ok());
    }

    #[test]
    fn many_addresses_share_what_one_account_has() {
        let throttle = Throttle::default();
        let now = DateTime::UNIX_EPOCH;
        let tried = (0..=255).filter(|n| throttle.charge(What::Password, pair(*n), now).is_ok());
        assert_eq!(tried.count(), 100);
    }

    #[test]
    fn a_flood_of_made_up_addresses_does_not_make_it_forget_who_is_tried_hard() {
        let throttle = Throttle::default();
        let now = DateTime::UNIX_EPOCH;
        for _ in 0..10 {
            let _ = throttle.charge(What::Password, pair(1), now);
        }
        for n in 0..2 * u32::try_from(REMEMBERED_MAX).unwrap() {
            let address = Whose::Address(IpAddr::from(n.to_be_bytes()));
            let _ = throttle.charge(What::Token, vec![address], now);
        }
        assert!(throttle.0.lock().unwrap().len() <= REMEMBERED_MAX);
        assert!(throttle.charge(What::Password, pair(1), now).is_err());
    }
}
