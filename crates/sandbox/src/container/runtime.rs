//! The runtime of the container tier: which one there is, and what its complaints mean.

use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::error::SandboxError;
use crate::version;

/// Not `PATH`: what builds the walls is not up to an environment variable.
const PLACES: [&str; 4] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// A family of runtimes for [`Tier::Container`](crate::Tier::Container).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// The reference; works on every kind of host.
    Runc,
    /// The same in C. It refuses hosts with both versions of control groups.
    Crun,
    /// gVisor: a kernel of its own in an ordinary process, under the system calls of the program.
    /// Only for root. Programs run slower, and it has no Landlock.
    Runsc,
}

impl Runtime {
    /// In the order in which they are looked for where nobody asks for one. `runsc` is last: what it
    /// gives is different, and slower, and so for whoever wants it or has nothing else.
    const ALL: [Self; 3] = [Self::Runc, Self::Crun, Self::Runsc];

    /// Its name, as its program's and in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
            Self::Runsc => "runsc",
        }
    }

    /// The first that has what the tier needs: recursive read-only mounts (`rro`). Of `runsc` the
    /// first that was tried; its versions are dates.
    const fn oldest(self) -> [u32; 2] {
        match self {
            Self::Runc => [1, 1],
            Self::Crun => [1, 5],
            Self::Runsc => [20_221_219, 0],
        }
    }

    /// Whether the program meets a kernel of the runtime's own in place of the machine's.
    pub(crate) const fn has_own_kernel(self) -> bool {
        matches!(self, Self::Runsc)
    }

    /// Whether it mounts an overlay over a container's root itself.
    pub(crate) const fn mounts_layers(self) -> bool {
        matches!(self, Self::Runc)
    }

    /// Where below the folder `state` it keeps its account of container `id`, and where in that JSON
    /// the pid of the container's first process is.
    pub(crate) fn account(self, state: &Path, id: &str) -> (PathBuf, &'static str) {
        match self {
            Self::Runc => (state.join(id).join("state.json"), "/init_process_pid"),
            Self::Crun => (state.join(id).join("status"), "/pid"),
            // The process in which its kernel is: all that is inside ends with it.
            Self::Runsc => (
                state.join(format!("{id}_sandbox:{id}.state")),
                "/sandbox/pid",
            ),
        }
    }

    /// Whether below `state` there is something of container `id`, finished or not.
    pub(crate) fn has(self, state: &Path, id: &str) -> bool {
        match self {
            Self::Runc | Self::Crun => state.join(id).exists(),
            Self::Runsc => self.account(state, id).0.exists(),
        }
    }

    /// What it wants to be told before its command. The processor's help for machines is left alone:
    /// where it is shared by machines within machines it hangs.
    pub(crate) const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Runc | Self::Crun => &[],
            Self::Runsc => &[
                "--platform=ptrace",
                // Its own loopback, and no other device.
                "--network=none",
                // It is in the groups of this start, which hold the limits.
                "--ignore-cgroups",
                // The sockets of the ports; what the program makes stays inside.
                "--host-uds=open",
            ],
        }
    }

    fn candidates(self) -> impl Iterator<Item = PathBuf> {
        PLACES
            .iter()
            .map(move |place| Path::new(place).join(self.name()))
            .filter(|path| path.is_file())
    }
}

/// A runtime that has what the tier needs.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) kind: Runtime,
    pub(crate) path: PathBuf,
    /// Such as `runc 1.1.5+ds1`.
    pub(crate) version: String,
}

static FOUND: [OnceCell<Found>; 4] = [const { OnceCell::const_new() }; 4];

/// Finds the runtime: the one that is wanted and no other, or the first that there is. A good answer
/// is kept for the life of the program.
pub(crate) async fn find(wanted: Option<Runtime>) -> Result<&'static Found, SandboxError> {
    let known = match wanted {
        None => &FOUND[0],
        Some(Runtime::Runc) => &FOUND[1],
        Some(Runtime::Crun) => &FOUND[2],
        Some(Runtime::Runsc) => &FOUND[3],
    };
    known.get_or_try_init(|| look(wanted)).await
}

async fn look(wanted: Option<Runtime>) -> Result<Found, SandboxError> {
    let kinds: Vec<_> = wanted.map_or(Runtime::ALL.to_vec(), |kind| vec![kind]);
    let mut unfit = None;
    for kind in kinds {
        for path in kind.candidates() {
            if kind.has_own_kernel() && !geteuid().is_root() {
                // It would need programs that give it other users, or a user namespace around it.
                unfit.get_or_insert(SandboxError::Setup {
                    step: "choose the container runtime",
                    detail: format!("{} starts nothing for an ordinary user", path.display()),
                    mend: "install runc: apt-get install runc; or run this as root",
                });
                continue;
            }
            let version = ask(&path).await?;
            if parse_version(&version).is_some_and(|found| found >= kind.oldest()) {
                return Ok(Found {
                    kind,
                    path,
                    version,
                });
            }
            unfit.get_or_insert(SandboxError::RuntimeTooOld {
                path,
                found: version,
                needed: "runc 1.1, crun 1.5 or runsc 20221219",
            });
        }
    }
    let names = wanted.map_or("runc, crun and runsc", Runtime::name);
    Err(unfit.unwrap_or_else(|| SandboxError::RuntimeMissing {
        tried: format!("{names} in {}", PLACES.join(", ")),
    }))
}

/// `runc version 1.1.5+ds1`, of the first line of what it prints, as `runc 1.1.5+ds1`.
async fn ask(path: &Path) -> Result<String, SandboxError> {
    let said = version::ask(path, "ask the container runtime for its version").await?;
    Ok(said.replacen(" version ", " ", 1))
}

/// The first two numbers of `runc 1.1.5+ds1`; the date of `runsc release-20230417.0`, and of Debian's
/// `runsc 0.0~20221219.0`.
fn parse_version(said: &str) -> Option<[u32; 2]> {
    const DIGITS_OF_A_DATE: usize = 8;
    let (_, version) = said.split_once(' ')?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    if said.starts_with("runsc ") {
        let date = numbers.find(|digits| digits.len() == DIGITS_OF_A_DATE)?;
        return Some([date.parse().ok()?, 0]);
    }
    let mut next = || numbers.next()?.parse().ok();
    Some([next()?, next()?])
}

/// For what the runtime says when it starts nothing.
pub(crate) fn setup_error(said: &str) -> SandboxError {
    SandboxError::Setup {
        step: "the container runtime",
        detail: message(said),
        mend: mend(said),
    }
}

/// The last message of its log, without the time and the level around it.
fn message(said: &str) -> String {
    let line = said.lines().rev().find(|line| !line.trim().is_empty());
    let Some(line) = line else {
        return "it ended without a word".into();
    };
    let text = line
        .split_once("msg=\"")
        .map_or(line, |(_, text)| text.trim_end_matches('"'));
    text.replace("\\\"", "\"").trim().to_owned()
}

/// What mends the commonest failures.
fn mend(said: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&["hybrid mode"]) {
        "crun needs a host with control groups of version 2 alone; install runc: apt-get install runc"
    } else if says(&[
        "uid_map",
        "gid_map",
        "user namespace",
        "unshare",
        "clone: operation not permitted",
        "nsexec",
    ]) {
        "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000 \
         (and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0); in a container allow them in its seccomp profile"
    } else if says(&["apparmor", "AppArmor"]) {
        "AppArmor forbids it: look for DENIED in the kernel's log, and allow it in the runtime's profile"
    } else if says(&["cgroup"]) {
        "the control groups of this machine cannot be used: mount them writable, or run without limits for all processes together"
    } else if says(&["to rootfs at \"/proc\"", "mounting \"proc\""]) {
        "in a container, give it an unmasked /proc (podman: --security-opt unmask=ALL; Kubernetes: procMount: Unmasked)"
    } else if says(&["overlay"]) {
        "an image needs a kernel with overlayfs, 5.11 or newer for an ordinary user"
    } else if says(&["exec:", "exec format", "no such file or directory"]) {
        "the mounts must hold the libraries that the helper needs: add `host_root()` or link the helper statically"
    } else {
        "run `freehold doctor` for a closer look"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse_version("runc 1.1.5+ds1"), Some([1, 1]));
        assert_eq!(parse_version("crun 1.14.1"), Some([1, 14]));
        assert_eq!(parse_version("runc 1.0.0-rc93"), Some([1, 0]));
        assert!(parse_version("runc 1.0.0-rc93").unwrap() < Runtime::Runc.oldest());
        assert!(parse_version("runc 1.10.0").unwrap() > Runtime::Runc.oldest());
        let date = |said| parse_version(said).unwrap()[0];
        assert_eq!(date("runsc 0.0~20221219.0"), 20_221_219);
        assert_eq!(date("runsc release-20250407.0"), 20_250_407);
        assert_eq!(parse_version("runsc 1.1.5"), None);
        assert_eq!(parse_version("something"), None);
    }

    #[test]
    fn a_complaint_is_told_without_its_frame_and_with_what_mends_it() {
        let said = "time=\"2026-01-01T00:00:00Z\" level=warning msg=\"first\"\n\
                    time=\"2026-01-01T00:00:00Z\" level=error msg=\"runc run failed: \\\"cgroup\\\" is missing\"\n";
        assert_eq!(message(said), "runc run failed: \"cgroup\" is missing");
        assert!(mend(said).contains("control groups"));
        assert!(mend("cgroups in hybrid mode not supported").contains("apt-get install runc"));
        assert!(mend("apparmor failed to apply profile").contains("AppArmor"));
        assert!(mend("nsexec-1[7]: failed to unshare user namespace").contains("user namespaces"));
        assert_eq!(message(""), "it ended without a word");
    }
}
