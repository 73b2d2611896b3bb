//! How often something may be asked for: the generic cell rate algorithm (ITU-T I.371, annex A), which is a
//! bucket that leaks, kept as one number. Pure: whoever counts brings the time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

/// One in each span on average, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The span, on average; up to some centuries.
    pub every: Duration,
    /// At once, after a quiet time; at least 1.
    pub burst: u32,
}

const SECOND: u64 = 1_000_000_000;

impl Rate {
    /// So many in a second.
    #[must_use]
    pub const fn per_second(many: u32, burst: u32) -> Self {
        let many = if many == 0 { 1 } else { many };
        Self {
            every: Duration::from_nanos(SECOND / many as u64),
            burst,
        }
    }

    /// One in so many seconds.
    #[must_use]
    pub const fn one_in(seconds: u64, burst: u32) -> Self {
        Self {
            every: Duration::from_secs(seconds),
            burst,
        }
    }

    /// What each of so many grants, who together grant this; at once each grants one at least.
    #[must_use]
    pub const fn shared(self, among: NonZeroU32) -> Self {
        Self {
            every: self.every.saturating_mul(among.get()),
            burst: self.burst.div_ceil(among.get()),
        }
    }

    /// Nanoseconds that one takes.
    const fn one(self) -> u64 {
        let nanos = self.every.as_nanos();
        if nanos > u64::MAX as u128 {
            u64::MAX
        } else {
            nanos as u64
        }
    }

    /// Nanoseconds that all take that there may be at once.
    const fn room(self) -> u64 {
        self.one().saturating_mul(if self.burst == 0 {
            1
        } else {
            self.burst as u64
        })
    }

    /// Takes one at `now`. `paid_until` is what the last take gave, 0 before the first: the time up to
    /// which everything that was taken is paid for. All in nanoseconds of one clock; where that goes back,
    /// `paid_until` is held to by [`Rate::held`].
    ///
    /// # Errors
    /// How long to wait until there is one again; nothing was taken then.
    pub const fn take(self, paid_until: u64, now: u64) -> Result<u64, u64> {
        let from = if paid_until > now { paid_until } else { now };
        let next = from.saturating_add(self.one());
        let ahead = next - now;
        if ahead > self.room() {
            return Err(ahead - self.room());
        }
        Ok(next)
    }

    /// `paid_until` of a clock that may have been turned back: nobody waits for longer than all that there
    /// may be at once is worth.
    #[must_use]
    pub const fn held(self, paid_until: u64, now: u64) -> u64 {
        let most = now.saturating_add(self.room());
        if paid_until > most { most } else { paid_until }
    }

    /// Gives one back that was taken.
    #[must_use]
    pub const fn give_back(self, paid_until: u64) -> u64 {
        paid_until.saturating_sub(self.one())
    }
}

/// Where an address is, roughly: what one network is given, others have none of. Who rents addresses gets them
/// in blocks: 24 bits of IPv4, 48 of IPv6.
#[must_use]
pub const fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// Whose tries and requests are counted as one: who has one address of IPv6 has the whole network of 64 bits.
#[must_use]
pub const fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Times of takes that were granted, and the waits of those that were not.
    fn run(rate: Rate, times: &[u64]) -> (Vec<u64>, Vec<(u64, u64)>) {
        let (mut paid, mut granted, mut refused) = (0, Vec::new(), Vec::new());
        for now in times {
            match rate.take(paid, *now) {
                Ok(next) => {
                    paid = next;
                    granted.push(*now);
                }
                Err(wait) => refused.push((*now, wait)),
            }
        }
        (granted, refused)
    }

    #[test]
    fn a_burst_and_then_one_by_one() {
        let rate = Rate::per_second(10, 3);
        let tenth = SECOND / 10;
        let start = 5 * SECOND;
        let (granted, refused) = run(rate, &[start; 5]);
        assert_eq!(granted.len(), 3);
        assert_eq!(refused, [(start, tenth), (start, tenth)]);
        let (granted, _) = run(
            rate,
            &[start, start, start, start + tenth - 1, start + tenth],
        );
        assert_eq!(granted.len(), 4, "not a nanosecond earlier");
    }

    #[test]
    fn several_share_what_one_would_grant_and_none_is_left_with_nothing() {
        let rate = Rate::per_second(10, 20);
        let among = |n| rate.shared(NonZeroU32::new(n).unwrap());
        assert_eq!(among(1), rate);
        assert_eq!(
            among(4),
            Rate {
                every: Duration::from_millis(400),
                burst: 5
            }
        );
        assert_eq!(among(100).burst, 1);
    }

    #[test]
    fn a_clock_that_is_turned_back_locks_nobody_out_and_what_is_given_back_is_there() {
        let rate = Rate::one_in(30, 2);
        let paid = rate
            .take(rate.take(0, 1000 * SECOND).unwrap(), 1000 * SECOND)
            .unwrap();
        let now = 10 * SECOND;
        assert_eq!(rate.take(rate.held(paid, now), now), Err(30 * SECOND));
        let given_back = rate.give_back(paid);
        assert!(rate.take(given_back, 1000 * SECOND).is_ok());
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_whoever_waits_as_told_gets_one(
            per_second in 1u32..2000,
            burst in 1u32..50,
            steps in prop::collection::vec(0u64..SECOND / 5, 1..300),
        ) {
            let rate = Rate::per_second(per_second, burst);
            let mut now = SECOND;
            let times: Vec<u64> = steps.iter().map(|step| { now += step; now }).collect();
            let (granted, refused) = run(rate, &times);
            // In any window: what the window's length allows, and a burst.
            for (i, from) in granted.iter().enumerate() {
                for (j, to) in granted.iter().enumerate().skip(i) {
                    let many = (j - i + 1) as u64;
                    let allowed = (to - from) / (SECOND / u64::from(per_second)) + u64::from(burst);
                    prop_assert!(many <= allowed, "{many} in {} ns", to - from);
                }
            }
            // Nobody who keeps to the rate is refused.
            let calm = steps.iter().all(|step| *step >= SECOND / u64::from(per_second));
            prop_assert!(!calm || refused.is_empty());
            // The wait is enough, and no longer than a whole burst takes.
            if let Some((at, wait)) = refused.last() {
                let mut paid = 0;
                for time in times.iter().take_while(|time| *time <= at) {
                    paid = rate.take(paid, *time).unwrap_or(paid);
                }
                prop_assert!(rate.take(paid, at + wait).is_ok());
                prop_assert!(*wait <= SECOND / u64::from(per_second));
            }
        }
    }

    #[test]
    fn a_block_of_addresses_is_one_neighbourhood() {
        let at = |text: &str| neighbourhood(text.parse().unwrap()).to_string();
        assert_eq!(at("192.0.2.1"), at("192.0.2.254"));
        assert_ne!(at("192.0.2.1"), at("192.0.3.1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.7"));
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:ffff::9"));
        assert_ne!(at("2001:db8:1::"), at("2001:db8:2::"));
    }
}
