//! Output, slowed down where it is too fast and counted where it is too much.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long a burst may last at full speed before it is slowed: a test suite's summary is not.
const BURST_SECONDS: u64 = 4;
/// The longest wait for one piece: whoever listens must hear a cancel soon.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The output of one process, both streams together.
#[derive(Debug)]
pub(crate) struct Flow {
    bucket: Option<Mutex<Bucket>>,
    most: Option<u64>,
    passed: AtomicU64,
    over: CancellationToken,
}

/// How much may pass at once, filled at a steady rate; below nothing where more has passed.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: u64,
    room: i128,
    since: Instant,
}

impl Bucket {
    fn full(rate: u64, since: Instant) -> Self {
        Self {
            rate,
            room: Self::most(rate),
            since,
        }
    }

    fn most(rate: u64) -> i128 {
        i128::from(rate) * i128::from(BURST_SECONDS)
    }

    /// Takes `bytes` out and says how long to wait until that was allowed.
    fn take(&mut self, bytes: u64, now: Instant) -> Duration {
        let micros = i128::try_from((now - self.since).as_micros()).unwrap_or(i128::MAX >> 64);
        let gained = micros * i128::from(self.rate) / 1_000_000;
        self.since = now;
        self.room = (self.room + gained).min(Self::most(self.rate)) - i128::from(bytes);
        let lacking = (-self.room).max(0);
        let wait = lacking * 1_000_000 / i128::from(self.rate.max(1));
        Duration::from_micros(u64::try_from(wait).unwrap_or(u64::MAX)).min(WAIT_MAX)
    }
}

impl Flow {
    /// Cancels `over` when more than `most` has passed.
    pub(crate) fn new(rate: Option<u64>, most: Option<u64>, over: CancellationToken) -> Self {
        let bucket = rate.map(|rate| Mutex::new(Bucket::full(rate, Instant::now())));
        Self {
            bucket,
            most,
            passed: AtomicU64::new(0),
            over,
        }
    }

    /// How much has passed.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// The bound that was passed, if it was.
    pub(crate) fn over(&self) -> Option<u64> {
        self.most.filter(|most| self.passed() > *most)
    }

    /// Counts a piece and waits until it may pass: its writer's pipe fills meanwhile. Cancel-safe.
    pub(crate) async fn pass(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.passed.fetch_add(bytes, Ordering::Relaxed);
        if self.over().is_some() {
            self.over.cancel();
            return;
        }
        let wait = self.bucket.as_ref().map(|bucket| {
            let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.take(bytes, Instant::now())
        });
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            tokio::select! {
                () = sleep(wait) => {}
                () = self.over.cancelled() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_at_once_and_a_flood_at_the_rate() {
        let began = Instant::now();
        let mut bucket = Bucket::full(1000, began);
        let mut now = began;
        assert_eq!(bucket.take(4000, now), Duration::ZERO, "a burst");
        for _ in 0..20 {
            now += bucket.take(500, now);
        }
        let took = (now - began).as_millis();
        assert!(
            (9_000..=10_500).contains(&took),
            "10,000 bytes at 1,000 a second took {took} ms"
        );
        // What was not used is there again, up to a burst.
        now += Duration::from_secs(60);
        assert_eq!(bucket.take(4000, now), Duration::ZERO);
        assert_eq!(bucket.take(u64::MAX, now), WAIT_MAX);
    }

    #[tokio::test]
    async fn more_than_the_bound_is_told_once_it_has_passed() {
        let over = CancellationToken::new();
        let flow = Flow::new(None, Some(1000), over.clone());
        flow.pass(1000).await;
        assert!(!over.is_cancelled() && flow.over().is_none());
        flow.pass(1).await;
        assert!(over.is_cancelled());
        assert_eq!(flow.over(), Some(1000));
    }
}
