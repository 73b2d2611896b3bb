//! What the owner of this machine allows, whatever is signed: `policy.toml` in the data directory. Every
//! key is explained in `docs/policy.md`.
//!
//! What the file does not mention is allowed, but for one thing: a run without a sandbox does on
//! this machine what its owner may do, so only the owner of the machine can allow it, here. A file
//! that cannot be read allows nothing.

mod read;

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use freehold_environment::egress::{Bounds, Most};
use freehold_environment::endpoint::HostPort;
use freehold_git::{Lfs, Remote};
use freehold_model::{Isolation, Limits, Reason};
use freehold_sandbox::Runtime;
use freehold_wire::order::{Egress, Order, Task};
use serde::Deserialize;

use crate::failure::{Halt, because, chain};
use crate::limits::RESERVE;

/// The file's name in the data directory.
pub(crate) const FILE: &str = "policy.toml";
/// Most bytes in Git LFS of one commit where the owner of the machine does not say: an honest
/// repository of pictures or models for tests.
const LFS_MOST: u64 = 1 << 30;

/// The rules of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    isolation: Option<Isolation>,
    remotes: Option<Vec<String>>,
    drivers: Option<Vec<String>>,
    commands: Option<Vec<String>>,
    #[serde(default)]
    boot_vm: bool,
    #[serde(default, deserialize_with = "read::program")]
    firecracker: Option<PathBuf>,
    container_runtime: Option<Runtime>,
    #[serde(default)]
    image_paths: Vec<PathBuf>,
    #[serde(default, deserialize_with = "read::bytes")]
    reserve: Option<u64>,
    #[serde(default)]
    images: BTreeMap<String, ImagePlace>,
    #[serde(default)]
    limits_required: bool,
    #[serde(default)]
    egress: Ways,
    #[serde(default, deserialize_with = "read::values")]
    limits: Limits,
    #[serde(default, deserialize_with = "read::together")]
    limits_together: Limits,
    #[serde(default)]
    local_files: Vec<LocalFiles>,
    #[serde(default)]
    lfs: Vec<LfsFiles>,
}

/// A remote whose files in Git LFS are fetched for workspaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LfsFiles {
    #[serde(deserialize_with = "read::remote")]
    remote: Remote,
    #[serde(default, deserialize_with = "read::place")]
    url: Option<Remote>,
    #[serde(default, deserialize_with = "read::bytes")]
    most: Option<u64>,
}

/// Files of this machine that workspaces of a remote are given; see [`crate::execute::local`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LocalFiles {
    #[serde(deserialize_with = "read::remote")]
    remote: Remote,
    #[serde(deserialize_with = "read::absolute")]
    pub(crate) from: PathBuf,
    pub(crate) files: Option<Vec<String>>,
}

/// Where an image that a repository may name comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum ImagePlace {
    /// From docker or podman on this machine.
    Engine,
    /// From this path.
    Path(PathBuf),
}

impl TryFrom<String> for ImagePlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "engine" => Ok(Self::Engine),
            path if path.starts_with('/') => Ok(Self::Path(path.into())),
            _ => Err(format!(
                "`{text}` is no place of an image; write \"engine\" or an absolute path"
            )),
        }
    }
}

/// What may be reached at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ways {
    most: Option<Egress>,
    #[serde(default, deserialize_with = "read::places")]
    deny: Vec<HostPort>,
}

/// The policy file of a runner with this data directory.
#[must_use]
pub fn policy_file(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// Whether there is a policy file that can be used; false where there is none.
///
/// # Errors
/// In words: it is there and cannot be read. Then the runner takes no order.
pub fn check_policy(data: &Path) -> Result<bool, String> {
    let path = policy_file(data);
    Policy::load(&path)
        .map(|_| path.exists())
        .map_err(|error| chain(&error))
}

/// The Firecracker that the policy file names, for whoever tries its machines; `None` where it names
/// none: then they are QEMU's.
///
/// # Errors
/// As [`check_policy`].
pub fn policy_firecracker(data: &Path) -> Result<Option<PathBuf>, String> {
    let policy = Policy::load(&policy_file(data)).map_err(|error| chain(&error))?;
    Ok(policy.firecracker)
}

/// What is to run containers here, by the word of the machine's owner.
///
/// # Errors
/// As [`check_policy`].
pub fn container_runtime(data: &Path) -> Result<Option<Runtime>, String> {
    let policy = Policy::load(&policy_file(data)).map_err(|error| chain(&error))?;
    Ok(policy.container_runtime())
}

/// How much an egress opens, to be compared.
const fn width(egress: Egress) -> u8 {
    match egress {
        Egress::None => 0,
        Egress::Registries => 1,
        Egress::Open => 2,
    }
}

/// Why there is a policy file and nothing can be allowed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// It may be right: whoever is asked for the reason looks at this one's source.
    #[error("the runner's policy file cannot be read")]
    Unread(#[source] io::Error),
    #[error("{0}")]
    Wrong(String),
}

impl From<Unusable> for Halt {
    /// The order is refused, unless it is the machine that has no file left.
    fn from(error: Unusable) -> Self {
        because(Reason::OrderRefused, &error)
    }
}

impl Policy {
    /// Reads the file; no file is no rule.
    ///
    /// # Errors
    /// The file is there and cannot be used.
    pub(crate) fn load(path: &Path) -> Result<Self, Unusable> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(Unusable::Wrong),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Unusable::Unread(error)),
        }
    }

    /// Reads what the file says.
    ///
    /// # Errors
    /// In words for the order's detail.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            format!(
                "the runner's policy file cannot be read ({}): correct it",
                error.message()
            )
        })
    }

    /// Whether the rules allow an order.
    ///
    /// # Errors
    /// The rule that it breaks, in words.
    pub(crate) fn allows(&self, order: &Order) -> Result<(), String> {
        self.allows_isolation(order.isolation)?;
        self.allows_remote(&order.project.remote)?;
        self.allows_egress(order.egress)?;
        order
            .image
            .as_deref()
            .map_or(Ok(()), |image| self.allows_image(image))?;
        let Task::Execute(task) = &order.task else {
            return Ok(());
        };
        let agent = &task.agent;
        if let Some(drivers) = &self.drivers
            && !drivers.contains(&agent.driver)
        {
            return Err(format!(
                "the policy does not allow the driver `{}`",
                agent.driver
            ));
        }
        if let (Some(commands), Some(program)) = (&self.commands, agent.command.first())
            && !commands.contains(program)
        {
            return Err(format!("the policy does not allow the program `{program}`"));
        }
        Ok(())
    }

    /// Whether a virtual machine is tried when the runner starts, and offered where it works.
    pub(crate) const fn boots(&self) -> bool {
        self.boot_vm
    }

    /// The program of virtual machines, where the owner of the machine brings one.
    pub(crate) fn firecracker(&self) -> Option<PathBuf> {
        self.firecracker.clone()
    }

    /// What runs containers, and nothing else does; none is the first that this machine has.
    pub(crate) const fn container_runtime(&self) -> Option<Runtime> {
        self.container_runtime
    }

    /// Where an image comes from that a repository names; `None` where it may not.
    pub(crate) fn image(&self, name: &str) -> Option<&ImagePlace> {
        self.images.get(name)
    }

    /// Free space that runs leave to the machine.
    pub(crate) fn reserve(&self) -> u64 {
        self.reserve.unwrap_or(RESERVE)
    }

    /// What runs may reach at most; followed while they run.
    pub(crate) fn ways(&self) -> Bounds {
        Bounds {
            most: match self.egress.most {
                Some(Egress::None) => Most::Nothing,
                Some(Egress::Registries) => Most::Named,
                Some(Egress::Open) | None => Most::Public,
            },
            deny: self.egress.deny.clone(),
        }
    }

    /// Whether a run whose limits of memory, tasks or processors cannot be held is not begun.
    pub(crate) const fn limits_required(&self) -> bool {
        self.limits_required
    }

    /// A path of this machine is shown to whatever runs inside: only its owner can say which.
    fn allows_image(&self, image: &str) -> Result<(), String> {
        let path = Path::new(image);
        let is_plain = path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let is_listed = self
            .image_paths
            .iter()
            .any(|folder| folder.is_absolute() && path.starts_with(folder));
        if !path.is_absolute() || (is_plain && is_listed) {
            return Ok(());
        }
        Err(format!(
            "the order asks for {image} of this machine as its image, and the machine's owner has not named it; use an image by its name, or who owns this machine writes this line at the top of {FILE} in the runner's data directory: image_paths = [{image:?}]"
        ))
    }

    fn allows_egress(&self, asked: Egress) -> Result<(), String> {
        let most = self.egress.most.unwrap_or(Egress::Open);
        if width(asked) <= width(most) {
            return Ok(());
        }
        Err(format!(
            "the order asks for the egress `{}`, and this machine's policy allows `{}` at most; change the project, or who owns this machine writes `most = \"{}\"` under [egress] in {FILE} in the runner's data directory",
            asked.name(),
            most.name(),
            asked.name()
        ))
    }

    /// What each run may use up, where the owner of the machine says so.
    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What all runs may use up together, where the owner of the machine says so.
    pub(crate) const fn limits_together(&self) -> &Limits {
        &self.limits_together
    }

    /// The local files that workspaces of a remote are given, where the owner of the machine says so.
    pub(crate) fn local_files(&self, remote: &str) -> Vec<&LocalFiles> {
        let wanted = Remote::parse(remote).ok();
        let all = self.local_files.iter();
        all.filter(|entry| Some(&entry.remote) == wanted.as_ref())
            .collect()
    }

    /// Whether and how a remote's files in Git LFS are fetched: only where the owner of the machine
    /// says so.
    pub(crate) fn lfs(&self, remote: &Remote) -> Option<Lfs<'_>> {
        let entry = self.lfs.iter().find(|entry| entry.remote == *remote)?;
        Some(Lfs {
            url: entry.url.as_ref(),
            bytes: entry.most.unwrap_or(LFS_MOST),
        })
    }

    pub(crate) fn allows_isolation(&self, asked: Isolation) -> Result<(), String> {
        let least = self.isolation.unwrap_or(Isolation::Sandbox);
        if asked >= least {
            return Ok(());
        }
        let mends = format!(
            "who owns this machine and wants that writes this line at the top of {FILE} in the runner's data directory: isolation = \"{asked}\""
        );
        Err(match asked.is_sandboxed() {
            true => format!(
                "the order asks for the isolation `{asked}`, and this machine's policy demands `{least}`; change the agent, or {mends}"
            ),
            false => format!(
                "the order asks for the isolation `{asked}`: without a sandbox, with all that the runner's user may do. Nothing was started; {mends}"
            ),
        })
    }

    /// Whether the rules allow a remote.
    ///
    /// # Errors
    /// The rule that it breaks, in words.
    pub(crate) fn allows_remote(&self, remote: &str) -> Result<(), String> {
        let Some(remotes) = &self.remotes else {
            return Ok(());
        };
        let wanted = Remote::parse(remote).map_err(|error| error.to_string())?;
        let known = remotes
            .iter()
            .filter_map(|remote| Remote::parse(remote).ok());
        if known.into_iter().any(|known| known == wanted) {
            Ok(())
        } else {
            Err(format!("the policy does not allow the remote {wanted}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in the page is a file that is taken, and it leaves nothing out.
    #[test]
    fn the_page_names_every_key() {
        let page = include_str!("../../../../docs/policy.md");
        let parts: String = (page.split("```toml\n").skip(1))
            .map(|part| part.split("```").next().unwrap())
            .collect();
        let Policy {
            isolation,
            remotes,
            drivers,
            commands,
            boot_vm,
            firecracker,
            container_runtime,
            image_paths,
            reserve,
            images,
            limits_required,
            egress,
            limits,
            limits_together,
            local_files,
            lfs,
        } = Policy::parse(&parts).unwrap();
        assert!(isolation.is_some() && remotes.is_some() && drivers.is_some());
        assert!(commands.is_some() && container_runtime.is_some());
        assert!(boot_vm && !image_paths.is_empty());
        assert!(firecracker.is_some());
        // By a bare name it would be whichever a search path has.
        assert!(Policy::parse("firecracker = 'firecracker'").is_err());
        assert!(reserve.is_some() && limits_required && egress.most.is_some());
        assert!(!egress.deny.is_empty() && images.len() > 1);
        assert_eq!(limits.len(), freehold_model::Limit::ALL.len());
        assert_eq!(limits_together.len(), crate::limits::TOGETHER.len());
        assert!(local_files.iter().any(|one| one.files.is_some()));
        assert!(
            lfs.iter()
                .any(|one| one.url.is_some() && one.most.is_some())
        );
    }
}
