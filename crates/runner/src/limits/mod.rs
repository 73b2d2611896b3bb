//! What one run may use up, who holds it to that, and what it really had around it.
//!
//! The sandbox holds memory, tasks, processors and the size of a file. This room holds the rest: what
//! a run keeps on the disk ([`disk`]), and what it prints ([`flow`]). The value of a limit is the
//! lowest that is said: by the owner of the machine (`[limits]` in the policy file, in place of the
//! defaults here) and by the agent.

mod disk;
mod flow;
mod together;
mod unlinked;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use freehold_model::limit::lower;
use freehold_model::{Entropy, Isolation, Limit, Limits};
use freehold_sandbox::{
    Image, Runtime, SandboxError, Spec, Tier, host_root, is_packed, unpack_archive, unpack_image,
};
use freehold_wire::order::{Order, Task};

pub(crate) use disk::{free, held_in};
pub(crate) use flow::Flow;
pub(crate) use together::{LIMITS as TOGETHER, Shares, Together};
pub(crate) use watch::Watch;

use crate::failure::Halt;
use crate::places::Ports;
use crate::policy::FILE;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The least memory that a run gets where nobody says, and there is more: a compiler and a language server need it.
const MEMORY_LEAST: u64 = 2 * GIB;
/// Processes and threads: a parallel build on a large machine has some hundreds.
const TASKS: u64 = 4096;
/// A checkout, its dependencies and what a build makes of them.
const DISK: u64 = 20 * GIB;
/// Files and folders of the same: `node_modules` of a large project has some hundred thousand.
const FILES: u64 = 2_000_000;
/// One file. A disk image of an agent's making is not what a run is for.
const FILE_SIZE: u64 = 16 * GIB;
/// What one step prints: it is kept by the server, and a person is to read it.
const OUTPUT: u64 = 256 * MIB;
/// Bytes of output in a second; about what the link passes on.
const OUTPUT_RATE: u64 = 16 * MIB;
/// Free space that runs leave to the machine where its owner says nothing.
pub(crate) const RESERVE: u64 = GIB;

/// The machine, as far as limits depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Memory in bytes; 0 where it is not known.
    pub(crate) memory: u64,
    /// Jobs at once.
    pub(crate) capacity: u32,
    /// Bytes that runs may still fill where they work; none where that cannot be asked.
    pub(crate) free: Option<u64>,
}

/// What stands around all steps of one run, as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Walls {
    pub(crate) isolation: Isolation,
    image: Option<Image>,
    /// What runs a virtual machine, where the machine's owner brings one.
    firecracker: Option<PathBuf>,
    /// What is to run containers, where the machine's owner says so.
    runtime: Option<Runtime>,
    /// As they are to be held.
    pub(crate) limits: Limits,
    /// Whether nothing starts where the sandbox cannot hold its own.
    required: bool,
    /// The agent's name and what it says itself: who is to be named where one is reached.
    agent: Option<(String, Limits)>,
    /// Of the host, where there are no walls: a sandbox has a loopback of its own.
    pub(crate) ports: Option<Arc<Ports>>,
    /// What all runs may use up together, where the machine's owner says so.
    pub(crate) together: Option<Together>,
}

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) limit: Limit,
    pub(crate) value: u64,
    pub(crate) peak: u64,
    /// Of all runs, and not of the one.
    pub(crate) together: bool,
}

impl Walls {
    /// What an order asks for, within what the machine's owner allows.
    pub(crate) fn of(order: &Order, owner: &Limits, room: Room) -> Self {
        let mut allowed = defaults(room);
        allowed.extend(owner);
        let mut limits = lower(&allowed, &order.limits);
        if let (Some(free), Some(disk)) = (room.free, limits.get_mut(&Limit::Disk)) {
            // What is not there cannot be had, and the machine keeps its reserve.
            *disk = (*disk).min(free);
        }
        Self {
            isolation: order.isolation,
            image: order.image.as_deref().map(image),
            firecracker: None,
            runtime: None,
            limits,
            required: false,
            agent: match &order.task {
                Task::Execute(task) => Some((task.agent.name.clone(), order.limits.clone())),
                _ => None,
            },
            ports: None,
            together: None,
        }
    }

    /// With ports of the host, where there is no sandbox that has its own.
    ///
    /// # Errors
    /// None are free.
    pub(crate) fn on_host(self, entropy: &dyn Entropy) -> Result<Self, Halt> {
        let ports = match self.isolation.is_sandboxed() {
            true => None,
            false => Some(Arc::new(Ports::of_host(entropy)?)),
        };
        Ok(Self { ports, ..self })
    }

    /// With limits that keep a step from starting where they cannot be held.
    pub(crate) fn requiring(self, required: bool) -> Self {
        Self { required, ..self }
    }

    /// With the Firecracker that runs its virtual machine; `None` is QEMU.
    pub(crate) fn in_machines_of(self, firecracker: Option<PathBuf>) -> Self {
        Self {
            firecracker,
            ..self
        }
    }

    /// With this runtime and no other for containers.
    pub(crate) fn run_by(self, runtime: Option<Runtime>) -> Self {
        Self { runtime, ..self }
    }

    /// With what it and all others may use up together; nothing is without bound.
    pub(crate) fn beside(self, together: Together) -> Self {
        let together = Some(together).filter(|together| !together.limits.is_empty());
        Self { together, ..self }
    }

    /// With an image that was a name, or an archive, as the folder that it was unpacked into,
    /// if it takes no more than `room` bytes. Safe to cancel.
    ///
    /// # Errors
    /// [`SandboxError`]: the engine that was asked, what it said, and what mends it.
    pub(crate) async fn unpacked(
        self,
        cache: &Path,
        home: &Path,
        room: u64,
    ) -> Result<Self, SandboxError> {
        let image = match self.image {
            Some(Image::Name(name)) => {
                let unpacked = unpack_image(&name, cache, home, room).await?;
                Some(Image::Directory(unpacked.directory))
            }
            Some(Image::Directory(path)) if is_packed(&path) => {
                let unpacked = unpack_archive(&path, cache, room).await?;
                Some(Image::Directory(unpacked.directory))
            }
            other => other,
        };
        Ok(Self { image, ..self })
    }

    /// Which system a program finds around it, for whoever keeps what was made there.
    pub(crate) fn root(&self) -> String {
        match &self.image {
            Some(Image::Directory(folder)) => format!("{} {}", self.isolation, folder.display()),
            Some(Image::Name(name)) => format!("{} {name}", self.isolation),
            None => self.isolation.to_string(),
        }
    }

    /// With this image.
    pub(crate) fn with_image(&self, image: Image) -> Self {
        Self {
            image: Some(image),
            ..self.clone()
        }
    }

    /// Whether processes are another user of the host than a runner that is root: in a plain process
    /// the program is trusted with what the runner may do.
    pub(crate) const fn has_own_user(&self) -> bool {
        matches!(
            self.isolation,
            Isolation::Sandbox | Isolation::Container | Isolation::Vm
        )
    }

    /// Puts them around a process of this step.
    pub(crate) fn put_round(&self, spec: &mut Spec, step: &str) {
        spec.tier = tier(self.isolation);
        spec.hypervisor.clone_from(&self.firecracker);
        spec.runtime = self.runtime;
        // git alone runs on what the agent left, with the machine's own programs.
        if is_the_project_s(step)
            && let Some(image) = &self.image
        {
            let system = host_root();
            spec.mounts.retain(|mount| !system.contains(mount));
            spec.image = Some(image.clone());
        }
        let value = |limit| self.limits.get(&limit).copied();
        spec.limits.required = self.required;
        spec.limits.total_memory_bytes = value(Limit::Memory);
        spec.limits.total_tasks = value(Limit::Tasks);
        spec.limits.cpu_milli = value(Limit::Cpu);
        spec.limits.together = self.together.as_ref().map(|together| {
            let value = |limit| together.limits.get(&limit).copied();
            freehold_sandbox::Together {
                owner: together.owner,
                memory_bytes: value(Limit::Memory),
                tasks: value(Limit::Tasks),
                cpu_milli: value(Limit::Cpu),
            }
        });
        spec.limits.file_bytes = value(Limit::FileSize).or(spec.limits.file_bytes);
    }

    /// In words for whoever wonders why a run ended, with what to do.
    pub(crate) fn said(&self, reached: &Reached) -> String {
        let Reached {
            limit,
            value,
            peak,
            together,
        } = *reached;
        let more = limit.write(value.saturating_mul(2));
        if together {
            return format!(
                "all runs on this runner together used {} {}, the limit is {} (this runner's machine): start less at once, or raise it with `{limit} = \"{more}\"` under `[limits_together]` in {FILE} in the runner's data directory",
                limit.show(peak),
                limit.used_of(),
                limit.show(value)
            );
        }
        let own = self
            .agent
            .as_ref()
            .filter(|(_, limits)| limits.get(&limit) == Some(&value));
        let (whose, how) = match own {
            Some((name, _)) => (
                format!("agent {name}"),
                format!("`freehold agent edit {name} --limit {limit}={more}`"),
            ),
            None => (
                "this runner's machine".to_owned(),
                format!(
                    "`{limit} = \"{more}\"` under `[limits]` in {FILE} in the runner's data directory"
                ),
            ),
        };
        format!(
            "used {} {}, the limit is {} ({whose}): raise it with {how}",
            limit.show(peak),
            limit.used_of(),
            limit.show(value)
        )
    }
}

/// Whether a step runs what the project or the agent brought, and not our own git.
fn is_the_project_s(step: &str) -> bool {
    matches!(step, "setup" | "agent") || step.starts_with("check:")
}

fn image(named: &str) -> Image {
    match named.starts_with('/') {
        true => Image::Directory(named.into()),
        false => Image::Name(named.to_owned()),
    }
}

const fn tier(isolation: Isolation) -> Tier {
    match isolation {
        Isolation::None => Tier::None,
        Isolation::Worktree => Tier::Worktree,
        Isolation::Sandbox => Tier::Sandbox,
        Isolation::Container => Tier::Container,
        Isolation::Vm => Tier::Vm,
    }
}

/// What really is in force, in the words of the record.
pub(crate) const fn isolation(tier: Tier) -> Isolation {
    match tier {
        Tier::None => Isolation::None,
        Tier::Worktree => Isolation::Worktree,
        Tier::Sandbox => Isolation::Sandbox,
        Tier::Container => Isolation::Container,
        Tier::Vm => Isolation::Vm,
    }
}

/// Fits a laptop, and a large machine that takes many jobs. What the runner itself needs is left to it, however little
/// there is: else it would be the one that is killed.
fn defaults(room: Room) -> Limits {
    let most = room.memory / 4 * 3;
    let share = (most / u64::from(room.capacity.max(1))).max(MEMORY_LEAST);
    let memory = if most == 0 { share } else { share.min(most) };
    Limits::from([
        (Limit::Memory, memory),
        (Limit::Tasks, TASKS),
        (Limit::Disk, DISK),
        (Limit::Files, FILES),
        (Limit::FileSize, FILE_SIZE),
        (Limit::Output, OUTPUT),
        (Limit::OutputRate, OUTPUT_RATE),
    ])
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
