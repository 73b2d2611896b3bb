//! From what init and the control group told to how it ended.

use std::fmt;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::cgroup::Facts;
use crate::child::{Exit, Hit, Limit, Usage};
use crate::control::Report;
use crate::spec::Limits;

/// `limits` are those that are held.
pub(crate) fn exit(report: Option<Report>, facts: &Facts, limits: &Limits) -> Exit {
    let ended = match report {
        Some(Report::Ended {
            code,
            signal,
            cpu_micros,
            max_rss_bytes,
        }) => Some((code, signal, cpu_micros, max_rss_bytes)),
        // The helper did not live to tell. A code would be the launcher's, not the program's.
        _ => None,
    };
    let usage = ended.map(|(_, _, cpu_micros, max_rss_bytes)| Usage {
        cpu: Duration::from_micros(cpu_micros),
        max_rss_bytes,
        peak_memory_bytes: facts.peak_memory_bytes,
        peak_tasks: facts.peak_tasks,
    });
    let (code, signal) = ended.map_or(
        (None, Some(Signal::SIGKILL as i32)),
        |(code, signal, ..)| (code, signal),
    );
    Exit {
        code,
        signal,
        usage,
        hit: hit(signal, usage.as_ref(), facts, limits),
    }
}

/// The gravest first: a process that was killed for memory explains more than one that was refused.
fn hit(signal: Option<i32>, usage: Option<&Usage>, facts: &Facts, limits: &Limits) -> Option<Hit> {
    let by = |wanted: Signal| signal == Some(wanted as i32);
    let of = |limit, value: Option<u64>, peak: Option<u64>| {
        value.map(|value| Hit {
            limit,
            value,
            peak: peak.unwrap_or(value),
            together: false,
        })
    };
    let cpu = || {
        let used = usage.map(|usage| usage.cpu.as_secs());
        of(Limit::Cpu, limits.cpu_seconds, used)
    };
    let memory = || {
        let peak = facts.peak_memory_bytes;
        of(Limit::Memory, facts.held.memory_bytes, peak)
    };
    let tasks = || of(Limit::Tasks, facts.held.tasks, facts.peak_tasks);
    let size = || of(Limit::FileSize, limits.file_bytes, None);
    let all = facts.together;
    let together = |hit: Hit| Hit {
        together: true,
        ..hit
    };
    let all_memory = || {
        let peak = all.peak_memory_bytes;
        of(Limit::Memory, all.held.memory_bytes, peak).map(together)
    };
    let all_tasks = || of(Limit::Tasks, all.held.tasks, all.peak_tasks).map(together);
    (facts.out_of_memory.then(memory).flatten())
        .or_else(|| all.out_of_memory.then(all_memory).flatten())
        .or_else(|| by(Signal::SIGXCPU).then(cpu).flatten())
        .or_else(|| by(Signal::SIGXFSZ).then(size).flatten())
        .or_else(|| facts.out_of_tasks.then(tasks).flatten())
        .or_else(|| all.out_of_tasks.then(all_tasks).flatten())
}

impl fmt::Display for Hit {
    /// Names the limit, its value and the peak, and what to do next.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            limit, value, peak, ..
        } = *self;
        if self.together {
            write!(f, "of all that its owner has under way together, ")?;
        }
        match limit {
            Limit::Memory => write!(
                f,
                "the limit of memory for all its processes, {}, was reached (peak {}); raise it, or run less at once",
                bytes(value),
                bytes(peak)
            ),
            Limit::Tasks => write!(
                f,
                "the limit of processes and threads, {value}, was reached (peak {peak}); raise it, or run less at once"
            ),
            Limit::Cpu => write!(
                f,
                "the limit of processor time for one process, {value} s, was reached (used {peak} s); raise it, or split the work"
            ),
            Limit::FileSize => write!(
                f,
                "the limit of the size of one file, {}, was reached (at least {} were to be written); raise it, or write less",
                bytes(value),
                bytes(peak)
            ),
        }
    }
}

/// In the largest unit that leaves a whole part, with one digit after it.
fn bytes(count: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| count >> shift > 0) {
        Some((unit, shift)) => {
            let tenths = (u128::from(count) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use crate::cgroup::{Held, Together};

    use super::*;

    fn ended(signal: Option<i32>) -> Option<Report> {
        Some(Report::Ended {
            code: signal.is_none().then_some(1),
            signal,
            cpu_micros: 7_000_000,
            max_rss_bytes: 1,
        })
    }

    #[test]
    fn the_message_names_limit_value_and_peak() {
        let facts = Facts {
            held: Held {
                memory_bytes: Some(512 << 20),
                tasks: Some(64),
                cpu_milli: None,
            },
            peak_memory_bytes: Some((512 << 20) - 100_000),
            peak_tasks: Some(64),
            out_of_memory: true,
            out_of_tasks: true,
            ..Facts::default()
        };
        let limits = Limits::default();
        let said = |facts: &Facts| exit(ended(None), facts, &limits).hit.unwrap().to_string();
        assert!(said(&facts).contains("memory for all its processes, 512.0 MiB"));
        assert!(said(&facts).contains("peak 511.9 MiB"));
        let tasks = Facts {
            out_of_memory: false,
            ..facts
        };
        assert!(said(&tasks).contains("threads, 64, was reached (peak 64)"));
        let all = Facts {
            out_of_memory: false,
            out_of_tasks: false,
            together: Together {
                held: facts.held,
                peak_memory_bytes: Some(512 << 20),
                out_of_memory: true,
                ..Together::default()
            },
            ..facts
        };
        assert!(said(&all).contains("under way together, the limit of memory"));
        // Killed together with the helper, it is still told why.
        let killed = exit(None, &facts, &limits);
        assert_eq!((killed.code, killed.signal), (None, Some(9)));
        assert_eq!(killed.hit.unwrap().limit, Limit::Memory);
        assert_eq!(exit(ended(None), &Facts::default(), &limits).hit, None);
    }

    #[test]
    fn a_signal_of_a_limit_counts_only_where_there_is_one() {
        let limits = Limits {
            cpu_seconds: Some(5),
            file_bytes: Some(3000),
            ..Limits::default()
        };
        let hit = |signal: Signal, limits: &Limits| {
            exit(ended(Some(signal as i32)), &Facts::default(), limits).hit
        };
        let cpu = hit(Signal::SIGXCPU, &limits).unwrap();
        assert_eq!((cpu.limit, cpu.value, cpu.peak), (Limit::Cpu, 5, 7));
        let size = hit(Signal::SIGXFSZ, &limits).unwrap();
        assert!(size.to_string().contains("one file, 2.9 KiB"), "{size}");
        assert_eq!(hit(Signal::SIGTERM, &limits), None);
        assert_eq!(hit(Signal::SIGXCPU, &Limits::default()), None);
    }
}
