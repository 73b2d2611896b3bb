//! The runtime of the container tier: which one there is, and what its complaints mean.

use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

use crate::error::SandboxError;
use crate::version;

/// Not `PATH`: what builds the walls is not up to an environment variable.
const PLACES: [&str; 4] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
/// In this order. `crun` refuses hosts with both versions of control groups; `runc` does not.
const KINDS: [Kind; 2] = [Kind::Runc, Kind::Crun];

/// A family of runtimes: they differ in where they keep what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Runc,
    Crun,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }

    /// The first with recursive read-only mounts (`rro`).
    const fn oldest(self) -> [u32; 2] {
        match self {
            Self::Runc => [1, 1],
            Self::Crun => [1, 5],
        }
    }

    /// In the folder of a container's state, the file with the pid of its first process, and the
    /// name it has there.
    pub(crate) const fn state(self) -> (&'static str, &'static str) {
        match self {
            Self::Runc => ("state.json", "init_process_pid"),
            Self::Crun => ("status", "pid"),
        }
    }
}

/// A runtime that has what the tier needs.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
    /// Such as `runc 1.1.5+ds1`.
    pub(crate) version: String,
}

static FOUND: OnceCell<Runtime> = OnceCell::const_new();

/// Finds the runtime; a good answer is kept for the life of the program.
pub(crate) async fn find() -> Result<&'static Runtime, SandboxError> {
    FOUND.get_or_try_init(look).await
}

/// The runtime, if it has been looked for and found.
pub(crate) fn found() -> Option<&'static Runtime> {
    FOUND.get()
}

async fn look() -> Result<Runtime, SandboxError> {
    let mut too_old = None;
    for kind in KINDS {
        for path in PLACES.map(|place| Path::new(place).join(kind.name())) {
            if !path.is_file() {
                continue;
            }
            let version = ask(&path).await?;
            if parse_version(&version).is_some_and(|found| found >= kind.oldest()) {
                return Ok(Runtime {
                    kind,
                    path,
                    version,
                });
            }
            too_old.get_or_insert(SandboxError::RuntimeTooOld {
                path,
                found: version,
                needed: "runc 1.1 or crun 1.5",
            });
        }
    }
    Err(too_old.unwrap_or_else(|| SandboxError::RuntimeMissing {
        tried: format!("runc and crun in {}", PLACES.join(", ")),
    }))
}

/// `runc version 1.1.5+ds1`, of the first line of what it prints, as `runc 1.1.5+ds1`.
async fn ask(path: &Path) -> Result<String, SandboxError> {
    let said = version::ask(path, "ask the container runtime for its version").await?;
    Ok(said.replacen(" version ", " ", 1))
}

/// The first two numbers of `runc 1.1.5+ds1`.
fn parse_version(said: &str) -> Option<[u32; 2]> {
    let (_, version) = said.split_once(' ')?;
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    Some([numbers.next()?.ok()?, numbers.next()?.ok()?])
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
        assert!(parse_version("runc 1.0.0-rc93").unwrap() < Kind::Runc.oldest());
        assert!(parse_version("runc 1.10.0").unwrap() > Kind::Runc.oldest());
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
