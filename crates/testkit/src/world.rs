//! A clock to turn, and bytes to draw.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use freehold_model::{Clock, Entropy};
use ring::rand::{SecureRandom, SystemRandom};

/// The host's time and an offset that a test turns.
#[derive(Debug, Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Moves the time.
    pub fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
}

/// The host's randomness: tests run side by side on one database server.
#[derive(Debug, Default)]
pub struct TestEntropy;

impl Entropy for TestEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        SystemRandom::new()
            .fill(buffer)
            .expect("the host has randomness");
    }
}
