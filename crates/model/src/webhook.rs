//! Webhooks: what an organization may be told of, when a try that failed is repeated, and which addresses
//! of the network are anybody's to send to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::Reason;
use crate::run::State;

/// An endpoint to which nothing could be delivered for so long is paused.
pub const FAILING_MAX: TimeDelta = TimeDelta::days(3);

/// The waits before each repetition: quick at first, for a receiver that is being started anew, and three
/// days in all, for one that broke on a Friday evening.
const WAITS: [TimeDelta; 12] = [
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
    TimeDelta::hours(1),
    TimeDelta::hours(2),
    TimeDelta::hours(4),
    TimeDelta::hours(8),
    TimeDelta::hours(12),
    TimeDelta::hours(20),
    TimeDelta::hours(24),
];

macro_rules! events {
    ($($event:ident $word:literal $meaning:literal;)*) => {
        /// Something that webhooks are told of. A word never changes its meaning; more may come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $(#[doc = $meaning] $event,)*
        }

        impl Event {
            /// Every one that can be asked for.
            pub const ALL: &'static [Self] = &[$(Self::$event,)*];

            /// The word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$event => $word,)* }
            }

            /// What happened then.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$event => $meaning,)* }
            }
        }
    };
}

events! {
    RunStarted "run.started" "A runner began to work on a run; once more for each attempt and each turn.";
    RunReviewNeeded "run.review_needed" "A run has work that waits for a person's decision.";
    RunInputNeeded "run.input_needed" "A run cannot go on without a person: its `reason` says why.";
    RunLanded "run.landed" "A run's work is on the target branch.";
    RunUnchanged "run.unchanged" "A run ended and had nothing to change.";
    RunFailed "run.failed" "A run ended by an error: its `reason` says which.";
    RunRejected "run.rejected" "A run was refused by a check or by a person.";
    RunCancelled "run.cancelled" "A person ended a run before it was done.";
    CardCreated "card.created" "A card was added.";
    CardMoved "card.moved" "A card came to another lane, by a person or by its run.";
    MemberJoined "member.joined" "Somebody is a member now.";
    MemberLeft "member.left" "Somebody left, or was removed.";
    RunnerEnrolled "runner.enrolled" "A runner was enrolled.";
    RunnerLost "runner.lost" "A runner was not heard of for so long that a run was taken from it.";
    RunnerRevoked "runner.revoked" "A runner was shut out.";
    Test "webhook.test" "Somebody tries the webhook. It is sent whatever was asked for.";
}

impl Event {
    /// What a run's new state tells, if anything.
    #[must_use]
    pub const fn of_run(state: State, reason: Option<Reason>, landed: bool) -> Option<Self> {
        match (state, reason) {
            (State::Running, _) => Some(Self::RunStarted),
            (State::Waiting, None | Some(Reason::DiffChanged)) => Some(Self::RunReviewNeeded),
            (State::Waiting, Some(_)) => Some(Self::RunInputNeeded),
            (State::Succeeded, _) if landed => Some(Self::RunLanded),
            (State::Succeeded, _) => Some(Self::RunUnchanged),
            (State::Failed, _) => Some(Self::RunFailed),
            (State::Rejected, _) => Some(Self::RunRejected),
            (State::Cancelled, _) => Some(Self::RunCancelled),
            (State::Queued | State::Dispatching | State::Landing, _) => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// No event has this word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no event `{0}`; there are {all}", all = Event::ALL.iter().map(|event| event.word()).collect::<Vec<_>>().join(", "))]
pub struct NoEvent(String);

impl FromStr for Event {
    type Err = NoEvent;

    fn from_str(word: &str) -> Result<Self, NoEvent> {
        let mut all = Self::ALL.iter();
        let found = all.find(|event| event.word() == word).copied();
        found.ok_or_else(|| NoEvent(word.chars().take(64).collect()))
    }
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered with 2xx.
    Delivered,
    /// Answered with 410: whoever was there wants no more of it.
    Gone,
    /// Answered with another place, which is not gone to.
    Redirected,
    /// Answered with anything else.
    Refused,
    /// Not answered in time.
    TimedOut,
    /// Nobody was reached, or nobody who could show that it was they.
    Unreachable,
    /// The host's name stands for an address that is not sent to.
    Forbidden,
    /// The address or the secret could not be read: they are sealed to another key.
    Sealed,
}

impl Outcome {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Delivered,
        Self::Gone,
        Self::Redirected,
        Self::Refused,
        Self::TimedOut,
        Self::Unreachable,
        Self::Forbidden,
        Self::Sealed,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Gone => "gone",
            Self::Redirected => "redirected",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden_address",
            Self::Sealed => "sealed",
        }
    }

    /// What an answer with this status is.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            300..=399 => Self::Redirected,
            410 => Self::Gone,
            _ => Self::Refused,
        }
    }
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paused {
    /// A person said so.
    Person,
    /// It answered that it is gone.
    Gone,
    /// Nothing could be delivered for three days.
    Failing,
}

impl Paused {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Person, Self::Gone, Self::Failing];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

impl FromStr for Paused {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|paused| paused.word() == word).ok_or(())
    }
}

/// What becomes of a delivery after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is done.
    Delivered,
    /// It is tried again after so long.
    Again(TimeDelta),
    /// It is given up.
    GivenUp,
}

/// After the `tries`th try, of those since it was last asked for. `dice` is a random byte: what failed
/// together shall not come again together.
#[must_use]
pub fn next(outcome: Outcome, tries: u32, dice: u8) -> Next {
    if outcome == Outcome::Delivered {
        return Next::Delivered;
    }
    let wait = usize::try_from(tries)
        .ok()
        .and_then(|tries| tries.checked_sub(1))
        .and_then(|place| WAITS.get(place));
    match wait {
        // A tenth longer at most.
        Some(wait) => Next::Again(*wait + *wait * i32::from(dice) / 2560),
        None => Next::GivenUp,
    }
}

/// Whether, and why, an endpoint is paused after a try that ended like this.
#[must_use]
pub fn pauses(
    outcome: Outcome,
    failing_since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Paused> {
    match outcome {
        Outcome::Delivered => None,
        Outcome::Gone => Some(Paused::Gone),
        _ => failing_since
            .filter(|since| now - *since >= FAILING_MAX)
            .map(|_| Paused::Failing),
    }
}

/// Whether an address is somebody's in the public network. What is this machine's, this network's, a
/// provider's own, or stands for another address, is not: a tenant may not steer us there.
///
/// The lists are IANA's of special-purpose addresses
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    // (first address, length of the prefix)
    const NOT: [([u8; 4], u32); 17] = [
        ([0, 0, 0, 0], 8),        // this network
        ([10, 0, 0, 0], 8),       // private
        ([100, 64, 0, 0], 10),    // behind a carrier's translation; metadata of a cloud
        ([127, 0, 0, 0], 8),      // loopback
        ([168, 63, 129, 16], 32), // a cloud's own service, though its address looks public
        ([169, 254, 0, 0], 16),   // link-local; metadata of clouds
        ([172, 16, 0, 0], 12),    // private
        ([192, 0, 0, 0], 24),     // protocols
        ([192, 0, 2, 0], 24),     // documentation
        ([192, 31, 196, 0], 24),  // AS112
        ([192, 52, 193, 0], 24),  // AMT
        ([192, 88, 99, 0], 24),   // 6to4 relays
        ([192, 168, 0, 0], 16),   // private
        ([198, 18, 0, 0], 15),    // benchmarks
        ([198, 51, 100, 0], 24),  // documentation
        ([203, 0, 113, 0], 24),   // documentation
        ([224, 0, 0, 0], 3),      // multicast, reserved, broadcast
    ];
    let bits = u32::from(address);
    !NOT.iter().any(|(first, length)| {
        let mask = u32::MAX << (32 - length);
        bits & mask == u32::from(Ipv4Addr::from(*first))
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    const fn is_in(bits: u128, first: u128, length: u32) -> bool {
        bits >> (128 - length) == first >> (128 - length)
    }
    let bits = u128::from(address);
    // Global unicast is 2000::/3: loopback, mapped and translated addresses, unique local and link-local
    // ones lie elsewhere. Of it, what is a protocol's own, a tunnel's or an example's is not.
    is_in(bits, 0x2000 << 112, 3)
        && !is_in(bits, 0x2001 << 112, 23)
        && !is_in(bits, 0x2001_0db8 << 96, 32)
        && !is_in(bits, 0x2002 << 112, 16)
        && !is_in(bits, 0x3fff << 112, 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_read_back() {
        for event in Event::ALL {
            assert_eq!(event.word().parse(), Ok(*event));
        }
        let mut words: Vec<_> = Event::ALL.iter().map(|event| event.word()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Event::ALL.len());
        assert!("run.".parse::<Event>().is_err());
        for paused in Paused::ALL {
            assert_eq!(paused.word().parse(), Ok(paused));
        }
    }

    #[test]
    fn every_end_of_a_run_and_every_wait_for_a_person_is_told() {
        for state in State::ALL {
            for reason in [None, Some(Reason::AgentFailed)] {
                let told = Event::of_run(state, reason, false);
                let matters =
                    state.is_terminal() || matches!(state, State::Waiting | State::Running);
                assert_eq!(told.is_some(), matters, "{state:?}");
            }
        }
        let waits = |reason| Event::of_run(State::Waiting, reason, false);
        assert_eq!(waits(None), Some(Event::RunReviewNeeded));
        assert_eq!(waits(Some(Reason::Conflict)), Some(Event::RunInputNeeded));
        let ended = |landed| Event::of_run(State::Succeeded, None, landed);
        assert_eq!(ended(true), Some(Event::RunLanded));
        assert_eq!(ended(false), Some(Event::RunUnchanged));
    }

    #[test]
    fn it_is_tried_for_about_three_days_and_then_given_up() {
        for dice in [0, 255] {
            let mut all = TimeDelta::zero();
            let mut tries = 1;
            let mut last = TimeDelta::zero();
            while let Next::Again(wait) = next(Outcome::Refused, tries, dice) {
                assert!(wait > last);
                (last, all, tries) = (wait, all + wait, tries + 1);
            }
            assert_eq!(tries, 13);
            assert!(
                all > TimeDelta::hours(70) && all < TimeDelta::hours(80),
                "{all}"
            );
        }
        assert_eq!(next(Outcome::Delivered, 40, 0), Next::Delivered);
        assert_eq!(next(Outcome::TimedOut, 0, 0), Next::GivenUp);
    }

    #[test]
    fn gone_pauses_at_once_and_failure_after_three_days() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(10);
        let since = |days| Some(now - TimeDelta::days(days));
        assert_eq!(pauses(Outcome::Gone, None, now), Some(Paused::Gone));
        assert_eq!(pauses(Outcome::Refused, None, now), None);
        assert_eq!(pauses(Outcome::Refused, since(2), now), None);
        assert_eq!(
            pauses(Outcome::TimedOut, since(3), now),
            Some(Paused::Failing)
        );
        assert_eq!(pauses(Outcome::Delivered, since(3), now), None);
    }

    #[test]
    fn only_what_is_public_is_sent_to() {
        for not in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.7",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(not.parse().unwrap()), "{not}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.17",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2400:cb00::1",
            "2606:4700:4700::1111",
            "2a00::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
