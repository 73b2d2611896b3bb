//! What a decision may need of the world, as arguments. The implementations live where the
//! program starts (`cli`) and in the test kit.

use chrono::{DateTime, Utc};

/// The time of day. Implementations never go backwards by more than the host's clock does;
/// nothing that must be ordered is ordered by it.
pub trait Clock: Send + Sync + 'static {
    /// The present instant in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// Unpredictable bytes, fit for keys and nonces.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the whole buffer. An implementation that cannot must abort the process rather than
    /// return weak bytes.
    fn fill(&self, buffer: &mut [u8]);
}

/// Bytes from `entropy` as an array.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}
