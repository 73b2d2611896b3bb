//! One process under its limits, from its start to what is kept of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use freehold_model::Limit;
use freehold_sandbox::{Child, Exit, Hit, InForce as Walled, Limit as Known, Mount, Spec, Usage};
use freehold_wire::api::{Bound, InForce};
use tokio_util::sync::CancellationToken;

use super::disk::{Disk, Held, Most, Places};
use super::{Flow, Reached, Walls, isolation};
use crate::report::Report;

/// Watches a process. Dropping it ends the watch, not the process.
pub(crate) struct Watch {
    step: String,
    walls: Arc<Walls>,
    walled: Walled,
    pub(crate) flow: Flow,
    disk: Disk,
    over: CancellationToken,
    began: Instant,
}

impl Watch {
    /// From now on, for a process that was just started from `spec`; `aside` is where the runner
    /// keeps what it took in for it.
    pub(crate) fn begin(
        walls: Arc<Walls>,
        child: &Child,
        spec: &Spec,
        step: &str,
        aside: PathBuf,
    ) -> Self {
        let over = CancellationToken::new();
        let value = |limit| walls.limits.get(&limit).copied();
        let most = Most {
            bytes: value(Limit::Disk),
            files: value(Limit::Files),
        };
        let mut folders = writable(spec);
        let share = walls
            .together
            .as_ref()
            .map(|all| all.share(aside.clone(), over.clone()));
        folders.push(aside);
        let places = Places {
            folders,
            process: Some(child.pid()),
        };
        Self {
            step: step.to_owned(),
            flow: Flow::new(value(Limit::OutputRate), value(Limit::Output), over.clone()),
            disk: Disk::watch(places, most, share, over.clone()),
            walls,
            walled: child.in_force().clone(),
            over,
            began: Instant::now(),
        }
    }

    /// Until a limit that this room holds was passed: the process is to be ended.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Keeps what stood around the process and what it used. Where it did not succeed and a limit
    /// was reached, that is the reason, in words.
    pub(crate) fn end(self, report: &Report, exit: &Exit) -> Option<String> {
        let reached = self.reached(exit);
        report.stood(self.facts(exit, reached));
        reached.map(|reached| self.walls.said(&reached))
    }

    fn reached(&self, exit: &Exit) -> Option<Reached> {
        let value = |limit| self.walls.limits.get(&limit).copied();
        if self.over.is_cancelled() {
            let held = self.disk.peak().unwrap_or_default();
            let past = |limit, peak| {
                let value = value(limit).filter(|value| peak > *value)?;
                Some(Reached {
                    limit,
                    value,
                    peak,
                    together: false,
                })
            };
            return past(Limit::Output, self.flow.passed())
                .or_else(|| past(Limit::Disk, held.bytes))
                .or_else(|| past(Limit::Files, held.files))
                .or_else(|| self.disk.reached_together());
        }
        if exit.success() {
            return None;
        }
        let Hit {
            limit,
            value,
            peak,
            together,
        } = exit.hit?;
        let limit = match limit {
            Known::Memory => Limit::Memory,
            Known::Tasks => Limit::Tasks,
            Known::FileSize => Limit::FileSize,
            // Nobody asks for it here.
            Known::Cpu => return None,
        };
        Some(Reached {
            limit,
            value,
            peak,
            together,
        })
    }

    fn facts(&self, exit: &Exit, reached: Option<Reached>) -> InForce {
        let held = self.disk.peak();
        let limits = self.walls.limits.iter().map(|(limit, value)| Bound {
            limit: limit.id().to_owned(),
            value: *value,
            held: is_held(*limit, &self.walled),
            used: used(*limit, exit.usage, held, self.flow.passed()),
        });
        let millis =
            |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        InForce {
            // The server knows it from the frame.
            epoch: 0,
            step: self.step.clone(),
            isolation: isolation(self.walled.tier),
            launcher: self.walled.launcher.clone(),
            landlock: self.walled.landlock,
            cgroup: self.walled.cgroup.map(str::to_owned),
            own_uid: self.walled.uid.is_some(),
            // Part of the floor of every tier that is one.
            filter: self.walled.tier.is_sandboxed(),
            limits: limits.collect(),
            cpu_ms: exit.usage.map(|usage| millis(usage.cpu)),
            wall_ms: millis(self.began.elapsed()),
            hit: reached.map(|reached| reached.limit.id().to_owned()),
        }
    }
}

/// Folders of the machine that a process can write to.
fn writable(spec: &Spec) -> Vec<PathBuf> {
    let mounts = spec.mounts.iter();
    let folders = mounts.filter_map(|mount| match mount {
        Mount::ReadWrite { source, .. } => Some(source.clone()),
        _ => None,
    });
    folders.collect()
}

fn is_held(limit: Limit, walled: &Walled) -> bool {
    let limits = &walled.limits;
    match limit {
        Limit::Memory => limits.total_memory_bytes.is_some(),
        Limit::Tasks => limits.total_tasks.is_some(),
        Limit::Cpu => limits.cpu_milli.is_some(),
        Limit::FileSize => limits.file_bytes.is_some(),
        Limit::Disk | Limit::Files | Limit::Output | Limit::OutputRate => true,
    }
}

fn used(limit: Limit, usage: Option<Usage>, held: Option<Held>, passed: u64) -> Option<u64> {
    match limit {
        // Where nothing counts them together, the largest of them is what is known.
        Limit::Memory => usage.map(|used| used.peak_memory_bytes.unwrap_or(used.max_rss_bytes)),
        Limit::Tasks => usage.and_then(|used| used.peak_tasks),
        Limit::Disk => held.map(|held| held.bytes),
        Limit::Files => held.map(|held| held.files),
        Limit::Output => Some(passed),
        Limit::Cpu | Limit::FileSize | Limit::OutputRate => None,
    }
}
