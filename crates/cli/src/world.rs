//! The world as the model's decisions see it.

use freehold_model::Entropy;
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
