//! The world as the model's decisions see it.

use chrono::{DateTime, Utc};
use freehold_model::{Clock, Entropy};
use rustls::crypto::SecureRandom;

/// The operating system's randomness.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let source: &dyn SecureRandom = rustls::crypto::ring::default_provider().secure_random;
        if source.fill(buffer).is_err() {
            // The trait's contract: weak bytes would be worse than no program.
            std::process::abort();
        }
    }
}

/// The host's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
