//! Control groups: limits for all processes of a start together, and what they used.
//!
//! Each start gets a group of its own, below the one that the runner is in, so that what holds the
//! runner holds all of them too. The launcher is put in between fork and exec: nothing of the run
//! is ever outside. Groups that a killed runner left are removed when the next one first starts
//! something: they are known by their name, which tells the runner's pid namespace, pid and time of
//! birth.
//!
//! Starts of one owner can have a bound together: their groups lie in one of that owner's.
//!
//! What there is decides: version 1 (also of a hybrid machine), a delegated group of version 2, or
//! nothing. A limit that could not be set is not told as held.

mod files;
mod home;
mod whole;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::processes;
use crate::spec::Limits;
use files::{keyed, number, remove, write};
use home::Home;
use whole::Whole;

/// Where the hierarchies are mounted (`cgroups(7)`).
const MOUNTED: &str = "/sys/fs/cgroup";
/// In a container's group of version 2, where its runtime is; the container is beside it.
const RUNTIME: &str = "runtime";
/// How names of our groups begin.
const PREFIX: &str = "freehold-";
/// One turn of the scheduler's accounts, and what a thousandth of a processor is of it.
const CPU_PERIOD_MICROS: u64 = 100_000;
const CPU_MICROS_PER_MILLI: u64 = CPU_PERIOD_MICROS / 1000;
/// A peak this near to the limit (one part in so many) is at it: memory is charged in batches.
const NEAR: u64 = 16;

static HOME: LazyLock<Option<Home>> = LazyLock::new(|| {
    let home = Home::find();
    if let Some(home) = &home {
        home.folders().into_iter().for_each(sweep);
    }
    home
});
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The group of one start. Dropping it ends every process in it and removes it; that blocks.
#[derive(Debug)]
pub(crate) struct Group {
    version: &'static str,
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
    cpu: Option<PathBuf>,
    /// Each once.
    folders: Vec<PathBuf>,
    held: Held,
    /// The owner's, in which it lies; it goes after its last one.
    whole: Option<Whole>,
}

/// The limits of [`Limits`] that a group holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) tasks: Option<u64>,
    pub(crate) cpu_milli: Option<u64>,
}

/// What the processes of a group did together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) held: Held,
    pub(crate) peak_memory_bytes: Option<u64>,
    pub(crate) peak_tasks: Option<u64>,
    /// The kernel killed a process because all together were at the limit.
    pub(crate) out_of_memory: bool,
    /// The kernel refused a process or thread because there were as many as may be.
    pub(crate) out_of_tasks: bool,
    /// The same of all groups of the owner, as far as this one had to do with it.
    pub(crate) together: Together,
}

/// What all groups of an owner did together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Together {
    pub(crate) held: Held,
    pub(crate) peak_memory_bytes: Option<u64>,
    pub(crate) peak_tasks: Option<u64>,
    /// A process of this group was killed because all groups were at the limit.
    pub(crate) out_of_memory: bool,
    /// A process or thread was refused because all groups had as many as may be.
    pub(crate) out_of_tasks: bool,
}

impl Group {
    /// Makes a group and sets what of `limits` is for all processes together; `None` where this
    /// machine has no place for one. Blocks, for less than a millisecond as a rule.
    pub(crate) fn open(limits: &Limits) -> Option<Self> {
        let home = HOME.as_ref()?;
        let together = limits.together.filter(|all| !all.is_empty());
        // Without the owner's, its own limits are held all the same.
        match together.and_then(|together| Whole::of(home, together)) {
            None => Self::below(home, limits),
            Some(whole) => {
                let mut group = Self::below(&whole.inside(home), &whole.within(limits))?;
                group.whole = Some(whole);
                Some(group)
            }
        }
    }

    fn below(home: &Home, limits: &Limits) -> Option<Self> {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(
            "{PREFIX}{}-{count}",
            owner(std::process::id().cast_signed())?
        );
        let place = |folder: &Option<PathBuf>| folder.as_ref().map(|path| path.join(&name));
        let mut group = match home {
            Home::V1 { memory, pids, cpu } => {
                // Moving into a group of `cpu` takes milliseconds: only when it is to limit.
                let cpu = place(cpu).filter(|_| limits.cpu_milli.is_some());
                Self::at("v1", place(memory), place(pids), cpu)
            }
            Home::V2 { below } => {
                let group = Some(below.join(&name));
                Self::at("v2", group.clone(), group.clone(), group)
            }
        };
        // One by one, so that a failure takes back what was made and nothing else.
        for folder in std::mem::take(&mut group.folders) {
            if let Err(error) = fs::create_dir(&folder) {
                tracing::warn!(group = %folder.display(), %error, "cannot make a control group");
                return None;
            }
            group.folders.push(folder);
        }
        group.held = group.set(limits);
        Some(group)
    }

    fn at(
        version: &'static str,
        memory: Option<PathBuf>,
        pids: Option<PathBuf>,
        cpu: Option<PathBuf>,
    ) -> Self {
        let mut folders: Vec<PathBuf> = [&memory, &pids, &cpu]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        folders.sort();
        folders.dedup();
        Self {
            version,
            memory,
            pids,
            cpu,
            folders,
            held: Held::default(),
            whole: None,
        }
    }

    fn set(&self, limits: &Limits) -> Held {
        let is_v1 = self.version == "v1";
        let memory = |name: &str| self.memory.as_ref().map(|path| path.join(name));
        let memory_bytes = limits.total_memory_bytes.and_then(|most| {
            let main = memory(if is_v1 {
                "memory.limit_in_bytes"
            } else {
                "memory.max"
            })?;
            held(&main, &most.to_string())?;
            // Without swap: what is limited is memory, not patience. Kernels without swap accounts
            // lack the file.
            let (swap, value) = if is_v1 {
                ("memory.memsw.limit_in_bytes", most)
            } else {
                ("memory.swap.max", 0)
            };
            let swap = memory(swap)?;
            if swap.exists() {
                held(&swap, &value.to_string())?;
            }
            // As the kernel rounded it.
            number(&main)
        });
        let tasks = limits.total_tasks.and_then(|most| {
            let file = self.pids.as_ref()?.join("pids.max");
            held(&file, &most.to_string())?;
            number(&file)
        });
        let cpu_milli = limits.cpu_milli.and_then(|milli| {
            let micros = milli.saturating_mul(CPU_MICROS_PER_MILLI);
            let at = |name: &str| {
                let mut folders = self.folders.iter().map(|folder| folder.join(name));
                folders.find(|path| path.exists())
            };
            if is_v1 {
                held(&at("cpu.cfs_period_us")?, &CPU_PERIOD_MICROS.to_string())?;
                held(&at("cpu.cfs_quota_us")?, &micros.to_string())?;
            } else {
                held(&at("cpu.max")?, &format!("{micros} {CPU_PERIOD_MICROS}"))?;
            }
            Some(milli)
        });
        Held {
            memory_bytes,
            tasks,
            cpu_milli,
        }
    }

    /// `v1` or `v2`.
    pub(crate) fn version(&self) -> &'static str {
        self.version
    }

    /// The limits that it holds.
    pub(crate) fn held(&self) -> Held {
        self.held
    }

    /// The limits that its owner's holds for all together.
    pub(crate) fn held_together(&self) -> Held {
        self.whole.as_ref().map(Whole::held).unwrap_or_default()
    }

    /// Where it is in version 2, as a container's runtime is told of a place for its own group: from
    /// the root of the hierarchy, which runtimes look for at [`MOUNTED`]. `None` in version 1, where
    /// they make theirs in the group that they are in.
    pub(crate) fn place(&self) -> Option<PathBuf> {
        let folder = self.folders.first().filter(|_| self.version == "v2")?;
        let below = folder.strip_prefix(MOUNTED).ok()?;
        Some(Path::new("/").join(below))
    }

    /// Files that put whoever writes `0` to them into the group. `apart`: into one within it, so that
    /// others can be made beside that: in version 2 one that has processes has no groups with limits.
    pub(crate) fn entrances(&self, apart: bool) -> io::Result<Vec<OwnedFd>> {
        // Of version 1 `tasks`: a single thread that moves itself takes no lock of the whole machine
        // (10 ms and more); a process just forked has one thread.
        let name = if self.version == "v1" {
            "tasks"
        } else {
            "cgroup.procs"
        };
        if apart && self.version == "v2" {
            let within = |folder: &PathBuf| {
                let leaf = folder.join(RUNTIME);
                fs::create_dir(&leaf)?;
                let file = OpenOptions::new().write(true).open(leaf.join(name))?;
                Ok(file.into())
            };
            return self.folders.iter().map(within).collect();
        }
        let open = |folder: &PathBuf| {
            let file = OpenOptions::new().write(true).open(folder.join(name))?;
            Ok(file.into())
        };
        self.folders.iter().map(open).collect()
    }

    /// What its processes did so far.
    pub(crate) fn facts(&self) -> Facts {
        let memory = |name: &str| self.memory.as_ref().map(|path| path.join(name));
        let pids = |name: &str| self.pids.as_ref().map(|path| path.join(name));
        let count =
            |path: Option<PathBuf>, key: &str| path.and_then(|path| keyed(&path, key)).unwrap_or(0);
        let (peak, killed) = if self.version == "v1" {
            let killed = count(memory("memory.oom_control"), "oom_kill");
            ("memory.max_usage_in_bytes", killed)
        } else {
            ("memory.peak", count(memory("memory.events"), "oom_kill"))
        };
        let peak = memory(peak).and_then(|path| number(&path));
        // A machine that is out of memory as a whole kills too. Kernels do not all count how often
        // the limit was reached (6.14 stopped), so the peak tells.
        let at_limit = |limit: u64| peak.is_none_or(|peak| peak >= limit - limit / NEAR);
        let own = Facts {
            held: self.held,
            peak_memory_bytes: peak,
            peak_tasks: pids("pids.peak").and_then(|path| number(&path)),
            out_of_memory: killed > 0 && self.held.memory_bytes.is_some_and(at_limit),
            out_of_tasks: self.held.tasks.is_some() && self.refusals() > 0,
            together: Together::default(),
        };
        match &self.whole {
            None => own,
            Some(whole) => whole.facts(own, killed > 0, self.refusals() > 0),
        }
    }

    /// How often a process or thread was refused.
    fn refusals(&self) -> u64 {
        let events = self.pids.as_ref().map(|path| path.join("pids.events"));
        events.and_then(|path| keyed(&path, "max")).unwrap_or(0)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            if !remove(folder) {
                tracing::warn!(group = %folder.display(), "a control group could not be removed");
            }
        }
    }
}

/// Writes a limit; says why when it cannot be had.
fn held(path: &Path, value: &str) -> Option<()> {
    write(path, value)
        .inspect_err(
            |error| tracing::warn!(file = %path.display(), value, %error, "a limit is not held"),
        )
        .ok()
}

/// Tells process `pid` from all others that there were since the machine started.
fn owner(pid: i32) -> Option<String> {
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let namespace = digits(namespace.to_str()?);
    Some(format!("{namespace}-{pid}-{}", processes::born(pid)?))
}

/// Removes groups of runners that are gone. A name of another pid namespace is left alone: its
/// numbers mean nothing here.
fn sweep(folder: &Path) {
    let here = owner(std::process::id().cast_signed()).unwrap_or_default();
    let here = here.split('-').next().unwrap_or_default();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(named) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            continue;
        };
        let mut parts = named.rsplitn(2, '-');
        let (Some(_), Some(theirs)) = (parts.next(), parts.next()) else {
            continue;
        };
        let fields: Vec<&str> = theirs.split('-').collect();
        let [namespace, pid, _] = fields.as_slice() else {
            continue;
        };
        let alive = pid.parse().ok().and_then(owner);
        if *namespace == here && alive.as_deref() != Some(theirs) {
            remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
