//! How often something may be asked for: the generic cell rate algorithm (ITU-T I.371, annex A), which is a
//! bucket that leaks, kept as one number. Pure: whoever counts brings the time.

/// So many in a second on average, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// On average; at least 1.
    pub per_second: u32,
    /// At once, after a quiet time; at least 1.
    pub burst: u32,
}

const SECOND: u64 = 1_000_000_000;

impl Rate {
    /// Nanoseconds that one takes.
    const fn one(self) -> u64 {
        let per_second = if self.per_second == 0 {
            1
        } else {
            self.per_second
        };
        SECOND / per_second as u64
    }

    /// Takes one at `now`. `paid_until` is what the last take gave, 0 before the first: the time up to
    /// which everything that was taken is paid for. All in nanoseconds of one clock that never goes back.
    ///
    /// # Errors
    /// How long to wait until there is one again; nothing was taken then.
    pub const fn take(self, paid_until: u64, now: u64) -> Result<u64, u64> {
        let from = if paid_until > now { paid_until } else { now };
        let next = from.saturating_add(self.one());
        let room = self.one().saturating_mul(if self.burst == 0 {
            1
        } else {
            self.burst as u64
        });
        let ahead = next - now;
        if ahead > room {
            return Err(ahead - room);
        }
        Ok(next)
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
        let rate = Rate {
            per_second: 10,
            burst: 3,
        };
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

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_whoever_waits_as_told_gets_one(
            per_second in 1u32..2000,
            burst in 1u32..50,
            steps in prop::collection::vec(0u64..SECOND / 5, 1..300),
        ) {
            let rate = Rate { per_second, burst };
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
}
