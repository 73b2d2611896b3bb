//! Waiting longer and longer between tries, each time a little differently, so that many
//! clients of a restarted server do not come back at one instant.

use std::time::Duration;

use freehold_model::world::random;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::world::SystemEntropy;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// The state of one series of tries.
#[derive(Debug)]
pub(crate) struct Backoff {
    tries: u32,
    tries_max: u32,
    patience: Duration,
    since: Option<Instant>,
}

impl Backoff {
    /// Gives up when nothing went well for `patience`.
    pub(crate) const fn patient(patience: Duration) -> Self {
        Self {
            tries: 0,
            tries_max: u32::MAX,
            patience,
            since: None,
        }
    }

    /// Gives up at the `tries_max`-th failure.
    pub(crate) const fn tries(tries_max: u32) -> Self {
        Self {
            tries: 0,
            tries_max,
            patience: Duration::MAX,
            since: None,
        }
    }

    /// Something went well: the patience begins anew.
    pub(crate) const fn good(&mut self) {
        self.tries = 0;
        self.since = None;
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// `trouble`, when there shall be no next try.
    pub(crate) async fn wait(&mut self, trouble: impl Into<Failure>) -> Result<(), Failure> {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.tries = self.tries.saturating_add(1);
        if self.tries >= self.tries_max || since.elapsed() >= self.patience {
            return Err(trouble.into());
        }
        self.pause().await;
        Ok(())
    }

    /// Waits without counting it as a failure.
    pub(crate) async fn pause(&self) {
        let [byte] = random::<1>(&SystemEntropy);
        tokio::time::sleep(delay(self.tries, byte)).await;
    }
}

/// Between half and the whole of the doubled delay.
fn delay(tries: u32, jitter: u8) -> Duration {
    let whole = FIRST
        .saturating_mul(1 << tries.saturating_sub(1).min(10))
        .min(LONGEST);
    whole / 2 + whole.mul_f64(f64::from(jitter) / 510.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_bound_and_are_never_nothing() {
        assert_eq!(delay(1, 255), FIRST);
        assert_eq!(delay(3, 255), FIRST * 4);
        assert_eq!(delay(u32::MAX, 255), LONGEST);
        assert_eq!(delay(1, 0), FIRST / 2);
    }

    #[tokio::test]
    async fn patience_and_tries_end() {
        let trouble = || Failure::unreachable("gone", "wait");
        let mut backoff = Backoff::patient(Duration::ZERO);
        assert!(backoff.wait(trouble()).await.is_err());
        let mut backoff = Backoff::tries(2);
        assert!(backoff.wait(trouble()).await.is_ok());
        assert!(backoff.wait(trouble()).await.is_err());
        backoff.good();
        assert!(backoff.wait(trouble()).await.is_ok());
    }
}
