//! How many requests there may be: of an address, of a token, of a person, of an organization; fewer of
//! those that make credentials. Counted in this process: each server of several grants its share, so that
//! all of them together grant no more than one would. Whoever comes through one of them alone has that one's
//! share; counts that are right for each would cost a write for each request, or let through what comes
//! between two of them.
//!
//! What can be known before the database is asked is counted before: whoever asks far too often costs a
//! hash and a look into a map. Where a request comes from, `proxy` has decided.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use freehold_engine::Caller;
use freehold_engine::share::Share;
use freehold_model::rate::{Rate, network};
use freehold_model::{Action, TenantId, UserId};
use freehold_wire::problem::{Code, Problem};
use tokio::time::Instant;

/// Those that are counted at a time, in each part of the map: memory's bound, some megabytes. Past it those
/// that are at rest are forgotten, and then all: whoever has so many addresses is beyond a count of them.
const COUNTED_MAX: usize = 8192;
/// Parts of the map, so that requests of different people seldom wait for one lock.
const PARTS: usize = 16;

/// How many requests there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Of an address; of IPv6 a network of 64 bits counts as one.
    pub address: Rate,
    /// Of a token.
    pub token: Rate,
    /// Of a person, with all their tokens.
    pub user: Rate,
    /// Of an organization, with all its people.
    pub tenant: Rate,
    /// Of a person that make or hand out credentials, and of an address that try some.
    pub sensitive: Rate,
}

impl Rates {
    /// Where an organization may ask so often in a second: a person and each token half as often, an
    /// address, behind which many may be, twice; where credentials are made or tried, a hundredth.
    #[must_use]
    pub const fn per_tenant(per_second: u32) -> Self {
        const fn rate(per_second: u32) -> Rate {
            Rate::per_second(per_second, per_second.saturating_mul(2))
        }
        let half = if per_second < 2 { 1 } else { per_second / 2 };
        let hundredth = if per_second < 200 {
            1
        } else {
            per_second / 100
        };
        Self {
            address: rate(per_second.saturating_mul(2)),
            token: rate(half),
            user: rate(half),
            tenant: rate(per_second),
            sensitive: Rate::per_second(hundredth, hundredth.saturating_mul(30)),
        }
    }
}

/// Acts that make credentials, carry everything away, or have us send to others: few are needed, and many
/// are an attack.
const SENSITIVE: [Action; 6] = [
    Action::SignInLink,
    Action::TokenCreate,
    Action::ServiceTokenCreate,
    Action::RunnerEnrol,
    Action::AuditExport,
    Action::WebhookEdit,
];

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Address(IpAddr),
    /// A hash of what was shown as a token.
    Token(u64),
    User(UserId),
    Tenant(TenantId),
    Sensitive(UserId),
    Tries(IpAddr),
}

impl Of {
    const fn words(self) -> &'static str {
        match self {
            Self::Address(_) => "this address sends",
            Self::Token(_) => "this token is used for",
            Self::User(_) => "you send",
            Self::Tenant(_) => "your organization sends",
            Self::Sensitive(_) => "you send, of those that make credentials,",
            Self::Tries(_) => "this address sends, of those that try a credential,",
        }
    }
}

/// Counts. Cheap to clone; without rates nothing is counted.
#[derive(Clone)]
pub(crate) struct Limits(Option<Arc<Counts>>);

struct Counts {
    rates: Rates,
    share: Share,
    /// How long it is since some instant; never less than before.
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    /// With a key of its own, so that nobody can choose who falls together with whom.
    hasher: RandomState,
    parts: [Mutex<HashMap<Of, u64>>; PARTS],
    /// Whose tokens were refused for their person or organization, by the token's hash.
    refused: Mutex<HashMap<u64, (UserId, TenantId)>>,
}

impl Limits {
    pub(crate) fn new(rates: Option<Rates>, share: Share) -> Self {
        let began = Instant::now();
        Self::timed_by(rates, share, move || began.elapsed())
    }

    fn timed_by(
        rates: Option<Rates>,
        share: Share,
        clock: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self(rates.map(|rates| {
            Arc::new(Counts {
                rates,
                share,
                clock: Box::new(clock),
                hasher: RandomState::new(),
                parts: Default::default(),
                refused: Mutex::default(),
            })
        }))
    }

    /// A request came in, before anything is known of who sends it.
    ///
    /// # Errors
    /// `too_many`.
    pub(crate) fn came(
        &self,
        address: Option<IpAddr>,
        token: Option<&str>,
    ) -> Result<(), Box<Problem>> {
        let Some(counts) = &self.0 else {
            return Ok(());
        };
        if let Some(address) = address {
            counts.take(Of::Address(network(address)), counts.rates.address)?;
        }
        if let Some(token) = token {
            let hash = counts.hasher.hash_one(token);
            counts.take(Of::Token(hash), counts.rates.token)?;
            counts.still_refused(hash)?;
        }
        Ok(())
    }

    /// Whose request it is, and what they want, is known. Where their person or organization is at its limit,
    /// the token is remembered: until there is room again its requests are refused before anybody is looked
    /// up, so that an organization that asks far too often costs the others nothing but a look into a map.
    ///
    /// # Errors
    /// `too_many`.
    pub(crate) fn known(
        &self,
        caller: &Caller,
        action: Action,
        token: &str,
    ) -> Result<(), Box<Problem>> {
        let Some(counts) = &self.0 else {
            return Ok(());
        };
        if SENSITIVE.contains(&action) {
            counts.take(Of::Sensitive(caller.user), counts.rates.sensitive)?;
        }
        let within = counts
            .take(Of::User(caller.user), counts.rates.user)
            .and_then(|()| counts.take(Of::Tenant(caller.tenant), counts.rates.tenant));
        if within.is_err() {
            counts.remember(counts.hasher.hash_one(token), caller);
        }
        within
    }

    /// An address tries a credential that may be wrong: a link that signs in, a password; or it tried a
    /// token that was.
    ///
    /// # Errors
    /// `too_many`.
    pub(crate) fn tries(&self, address: Option<IpAddr>) -> Result<(), Box<Problem>> {
        let (Some(counts), Some(address)) = (&self.0, address) else {
            return Ok(());
        };
        counts.take(Of::Tries(network(address)), counts.rates.sensitive)
    }
}

impl Counts {
    fn now(&self) -> u64 {
        u64::try_from((self.clock)().as_nanos()).unwrap_or(u64::MAX)
    }

    fn remember(&self, token: u64, caller: &Caller) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= COUNTED_MAX {
            refused.clear();
        }
        refused.insert(token, (caller.user, caller.tenant));
    }

    /// Whether a token that was refused for its person or organization would be again. Nothing is taken: that
    /// is for when it is known whose the token is now.
    fn still_refused(&self, token: u64) -> Result<(), Box<Problem>> {
        let whose = {
            let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
            refused.get(&token).copied()
        };
        let Some((user, tenant)) = whose else {
            return Ok(());
        };
        self.room(Of::User(user), self.rates.user)?;
        self.room(Of::Tenant(tenant), self.rates.tenant)?;
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.remove(&token);
        Ok(())
    }

    /// Whether there is one left.
    fn room(&self, of: Of, rate: Rate) -> Result<(), Box<Problem>> {
        let rate = rate.shared(self.share.among());
        let part = self.hasher.hash_one(of) as usize % PARTS;
        let paid_until = {
            let part = self.parts[part]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            part.get(&of).copied().unwrap_or_default()
        };
        match rate.take(paid_until, self.now()) {
            Ok(_) => Ok(()),
            Err(wait) => Err(Box::new(too_many(of, rate, Duration::from_nanos(wait)))),
        }
    }

    fn take(&self, of: Of, rate: Rate) -> Result<(), Box<Problem>> {
        let rate = rate.shared(self.share.among());
        let now = self.now();
        let part = self.hasher.hash_one(of) as usize % PARTS;
        let mut part = self.parts[part]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if part.len() >= COUNTED_MAX && !part.contains_key(&of) {
            part.retain(|_, paid_until| *paid_until > now);
            if part.len() >= COUNTED_MAX {
                part.clear();
            }
        }
        let paid_until = part.entry(of).or_default();
        match rate.take(*paid_until, now) {
            Ok(next) => {
                *paid_until = next;
                Ok(())
            }
            Err(wait) => Err(Box::new(too_many(of, rate, Duration::from_nanos(wait)))),
        }
    }
}

fn too_many(of: Of, rate: Rate, wait: Duration) -> Problem {
    let (what, burst) = (of.words(), rate.burst);
    let mean = match Duration::from_secs(1).as_nanos() / rate.every.as_nanos().max(1) {
        0 => format!("one request in {} seconds", rate.every.as_secs_f32().ceil()),
        many => format!("{many} requests a second"),
    };
    let what = format!("{what} more than {mean}, or {burst} at once");
    // A header has whole seconds: the next is always late enough.
    let seconds = wait.as_secs() + 1;
    Problem::new(Code::TooMany, what).retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Milliseconds, which a test turns on.
    type Time = Arc<AtomicU64>;

    fn limits(per_second: u32) -> (Limits, Time) {
        let time = Time::default();
        let clock = time.clone();
        let clock = move || Duration::from_millis(clock.load(Ordering::Relaxed));
        let rates = Rates::per_tenant(per_second);
        (Limits::timed_by(Some(rates), Share::default(), clock), time)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn each_is_counted_by_itself_and_is_told_which_limit_it_was() {
        let (limits, time) = limits(10);
        let of = |token: &str| limits.came(None, Some(token));
        for _ in 0..10 {
            of("a").unwrap();
        }
        let refused = of("a").unwrap_err();
        assert_eq!(refused.code, Code::TooMany);
        assert!(
            refused
                .detail
                .starts_with("this token is used for more than 5"),
            "{refused:?}"
        );
        assert_eq!(refused.retry_after_s, Some(1));
        of("b").unwrap();
        time.fetch_add(200, Ordering::Relaxed);
        of("a").unwrap();
        of("a").unwrap_err();
    }

    #[test]
    fn who_was_refused_for_an_organization_is_refused_unseen_until_there_is_room() {
        let (limits, time) = limits(100);
        let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(1));
        let caller = |n: u128| {
            let user = UserId::from_uuid(uuid::Uuid::from_u128(n));
            Caller::installation(tenant, user, "Ada".to_owned())
        };
        let asks = |n: u128| {
            let token = format!("token {n}");
            limits.came(None, Some(&token))?;
            limits.known(&caller(n), Action::CardRead, &token)
        };
        for n in 0..200 {
            asks(n).unwrap();
        }
        // Nobody knows yet whose these are.
        limits.came(None, Some("token 7")).unwrap();
        asks(7).unwrap_err();
        let refused = limits.came(None, Some("token 7")).unwrap_err();
        let words = "your organization sends more than 100 requests a second";
        assert!(refused.detail.starts_with(words), "{refused:?}");
        limits.came(None, Some("token 8")).unwrap();
        time.fetch_add(10, Ordering::Relaxed);
        asks(7).unwrap();
        asks(8).unwrap_err();
        let remembered = limits.0.as_ref().unwrap().refused.lock().unwrap().len();
        assert_eq!(remembered, 1, "who was let in is forgotten");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let (limits, _) = limits(1);
        let came = |text: &str| limits.came(address(text), None);
        for n in 0..4 {
            came(&format!("2001:db8::{n}")).unwrap();
        }
        came("2001:db8::ffff").unwrap_err();
        came("2001:db8:0:1::1").unwrap();
        came("192.0.2.1").unwrap();
    }

    #[test]
    fn credentials_are_tried_less_often() {
        let (limits, _) = limits(100);
        for _ in 0..30 {
            limits.tries(address("192.0.2.1")).unwrap();
        }
        let refused = limits.tries(address("192.0.2.1")).unwrap_err();
        assert!(refused.detail.contains("try a credential"), "{refused:?}");
        limits.tries(address("192.0.2.2")).unwrap();
        limits.came(address("192.0.2.1"), None).unwrap();
    }

    #[test]
    fn memory_has_a_bound_whoever_comes() {
        let (limits, time) = limits(1);
        let counted = |limits: &Limits| -> usize {
            let counts = limits.0.as_ref().unwrap();
            counts
                .parts
                .iter()
                .map(|part| part.lock().unwrap().len())
                .sum()
        };
        for n in 0..u32::try_from(3 * PARTS * COUNTED_MAX).unwrap() {
            let _ = limits.came(Some(IpAddr::V4(n.into())), None);
        }
        assert!(counted(&limits) <= PARTS * COUNTED_MAX);
        // Those at rest go first: who is just being counted stays.
        time.fetch_add(60_000, Ordering::Relaxed);
        for _ in 0..4 {
            limits.came(address("192.0.2.1"), None).unwrap();
        }
        for n in 0..u32::try_from(PARTS * COUNTED_MAX / 2).unwrap() {
            let _ = limits.came(Some(IpAddr::V4((n + (10 << 24)).into())), None);
        }
        limits.came(address("192.0.2.1"), None).unwrap_err();
    }

    #[test]
    fn without_rates_nothing_is_counted() {
        let limits = Limits::new(None, Share::default());
        for _ in 0..10_000 {
            limits.came(address("192.0.2.1"), Some("a")).unwrap();
            limits.tries(address("192.0.2.1")).unwrap();
        }
    }
}
