//! How long to wait before dialling again: doubling, with jitter, so that a thousand runners do
//! not come back in the same instant.

use std::time::Duration;

use freehold_model::Entropy;
use freehold_model::world::random;

use super::Pace;

pub(super) struct Backoff<'a> {
    pace: Pace,
    next: Duration,
    entropy: &'a dyn Entropy,
}

impl<'a> Backoff<'a> {
    pub(super) fn new(pace: Pace, entropy: &'a dyn Entropy) -> Self {
        Self {
            next: pace.retry_min,
            pace,
            entropy,
        }
    }

    /// A connection stood: the next pause is short again.
    pub(super) fn reset(&mut self) {
        self.next = self.pace.retry_min;
    }

    /// Between half and the whole of a pause that doubles.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.pace.retry_max);
        let share = u32::from(u16::from_be_bytes(random(self.entropy)));
        whole / 2 + whole / 2 * share / u32::from(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Counting;

    #[test]
    fn pauses_double_to_their_bound_and_differ() {
        let entropy = Counting::default();
        let mut backoff = Backoff::new(Pace::default(), &entropy);
        let pauses: Vec<_> = (0..12).map(|_| backoff.next()).collect();
        assert!(pauses[0] >= Duration::from_millis(100) && pauses[0] <= Duration::from_millis(200));
        for pause in &pauses[8..] {
            assert!(*pause >= Duration::from_millis(7500) && *pause <= Duration::from_secs(15));
        }
        assert_ne!(pauses[10], pauses[11]);
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(200));
    }
}
