//! How much may be under way to the server and not acknowledged. On a slow line heartbeats and a job's end stand behind
//! what was sent before them: hence no more is sent than the line carries in some seconds. A line that is quick has it grow
//! to many times what it delays.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A line of 64 kbit/s carries it in four seconds; a heartbeat behind it, and one more frame, comes in time for a lease.
const LEAST: usize = 32 << 10;
/// What a connection begins with, before anything is known of its line.
const FIRST: usize = 64 << 10;
/// Bounds what a server must hold for one runner.
const MOST: usize = 4 << 20;
/// A round that takes no longer shows that there is room for twice as much.
const QUICK: Duration = Duration::from_secs(1);
/// One that takes longer shows that there is not room for so much.
const SLOW: Duration = Duration::from_secs(4);

/// What is under way, and how much may be.
pub(super) struct Window {
    most: usize,
    under_way: VecDeque<Sent>,
    bytes: usize,
    /// The last frame of the round that is looked at: one look for each round, not for each frame in it.
    round: u64,
    is_quick: bool,
}

struct Sent {
    seq: u64,
    bytes: usize,
    at: Instant,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self {
            most: FIRST,
            under_way: VecDeque::new(),
            bytes: 0,
            round: 0,
            is_quick: false,
        }
    }

    /// Whether another frame may be sent. One may always be under way, however large.
    pub(super) const fn has_room(&self) -> bool {
        self.bytes < self.most
    }

    /// Whether the line has shown that it is no slow one.
    pub(super) const fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// A frame is sent.
    pub(super) fn sent(&mut self, seq: u64, bytes: usize, now: Instant) {
        self.bytes += bytes;
        self.under_way.push_back(Sent {
            seq,
            bytes,
            at: now,
        });
    }

    /// Everything up to `seq` has arrived.
    pub(super) fn acked(&mut self, seq: u64, now: Instant) {
        let mut took = None;
        while let Some(sent) = self.under_way.front()
            && sent.seq <= seq
        {
            self.bytes -= sent.bytes;
            if sent.seq >= self.round {
                took = Some(now.saturating_duration_since(sent.at));
            }
            self.under_way.pop_front();
        }
        let Some(took) = took else { return };
        self.round = self.under_way.back().map_or(0, |last| last.seq);
        if took <= QUICK {
            self.is_quick = true;
            self.most = (self.most * 2).min(MOST);
        } else if took > SLOW {
            self.is_quick = false;
            self.most = (self.most / 2).max(LEAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends frames of `size` bytes over a line that carries `rate` bytes a second for so many seconds; gives the longest
    /// time that a frame was under way in the second half.
    fn over(rate: usize, size: usize, seconds: u64) -> (Window, Duration) {
        let begun = Instant::now();
        let mut window = Window::new();
        let mut free_at = begun;
        let mut arrivals: VecDeque<(u64, Instant, Instant)> = VecDeque::new();
        let (mut seq, mut now, mut longest) = (0, begun, Duration::ZERO);
        let end = begun + Duration::from_secs(seconds);
        while now < end {
            while window.has_room() {
                seq += 1;
                window.sent(seq, size, now);
                free_at = free_at.max(now) + Duration::from_secs_f64(size as f64 / rate as f64);
                arrivals.push_back((seq, now, free_at + Duration::from_millis(20)));
            }
            let (seq, at, arrives) = arrivals.pop_front().unwrap();
            now = arrives;
            if now > begun + Duration::from_secs(seconds / 2) {
                longest = longest.max(now - at);
            }
            window.acked(seq, now);
        }
        (window, longest)
    }

    #[test]
    fn what_is_sent_now_arrives_in_seconds_however_slow_the_line() {
        for size in [300, 10_000, 90_000] {
            let (window, longest) = over(8_000, size, 300);
            let one = Duration::from_secs_f64(size as f64 / 8_000.0);
            assert!(
                longest < Duration::from_secs(9) + one,
                "{size}: {longest:?}"
            );
            assert!(!window.is_quick());
        }
        let (window, longest) = over(1_000_000, 90_000, 60);
        assert!(longest < Duration::from_secs(5), "{longest:?}");
        assert!(window.most >= 1 << 20, "{}", window.most);
    }

    #[test]
    fn a_quick_line_has_all_of_it_in_a_few_rounds_and_one_frame_always_fits() {
        let (window, _) = over(100_000_000, 90_000, 10);
        assert_eq!(window.most, MOST);
        assert!(window.is_quick());
        let mut window = Window::new();
        assert!(window.has_room());
        window.sent(1, 10 * MOST, Instant::now());
        assert!(!window.has_room());
        window.acked(1, Instant::now());
        assert!(window.has_room());
    }
}
