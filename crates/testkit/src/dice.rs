//! Randomness that a seed decides.

use std::sync::atomic::{AtomicU64, Ordering};

/// `SplitMix64`, shared between threads. The same seed gives the same numbers; who draws which depends on the threads.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// Of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// At least `low`, below `high`; `low` where there is nothing between them.
    pub fn draw(&self, low: u64, high: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (z ^ (z >> 31)) % high.saturating_sub(low).max(1)
    }

    /// Once in `many`.
    pub fn once_in(&self, many: u64) -> bool {
        self.draw(0, many) == 0
    }

    /// One of them; `None` where there is none.
    pub fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        let at = self.draw(0, of.len() as u64);
        of.get(usize::try_from(at).unwrap_or_default())
    }
}
