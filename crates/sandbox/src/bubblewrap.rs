//! The launcher of the sandbox tier: which one there is, and what its answers mean.

use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

use crate::error::SandboxError;
use crate::version;

/// The first version with `--disable-userns`.
const OLDEST: [u32; 3] = [0, 8, 0];
const OLDEST_NAME: &str = "0.8.0";
/// Not `PATH`: what launches the sandbox is not up to an environment variable.
const PLACES: [&str; 3] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];

/// A launcher that has what the floor needs.
#[derive(Debug, Clone)]
pub(crate) struct Bubblewrap {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

static FOUND: OnceCell<Bubblewrap> = OnceCell::const_new();

/// Finds the launcher; a good answer is kept for the life of the program.
pub(crate) async fn find() -> Result<&'static Bubblewrap, SandboxError> {
    FOUND.get_or_try_init(look).await
}

/// The launcher, if it has been looked for and found.
pub(crate) fn found() -> Option<&'static Bubblewrap> {
    FOUND.get()
}

async fn look() -> Result<Bubblewrap, SandboxError> {
    let path = PLACES
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .ok_or_else(|| SandboxError::BubblewrapMissing {
            tried: PLACES.join(", "),
        })?;
    let version = version::ask(&path, "ask bubblewrap for its version").await?;
    if parse_version(&version).is_none_or(|found| found < OLDEST) {
        return Err(SandboxError::BubblewrapTooOld {
            path,
            found: version,
            needed: OLDEST_NAME,
        });
    }
    Ok(Bubblewrap { path, version })
}

/// `bubblewrap 0.8.0` as numbers.
fn parse_version(said: &str) -> Option<[u32; 3]> {
    let mut parts = said.strip_prefix("bubblewrap ")?.split('.').map(str::parse);
    let mut next = || parts.next().unwrap_or(Ok(0)).ok();
    Some([next()?, next()?, next()?])
}

/// The pid of the first process inside, from what `--info-fd` says; `None` while it is not whole.
pub(crate) fn child_pid(info: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(info).ok()?;
    let (_, rest) = text.split_once("\"child-pid\":")?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// What mends the commonest failures, from what the launcher says.
pub(crate) fn mend(said: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&[
        "uid map",
        "RTM_NEWADDR",
        "new namespace",
        "No permissions to creat",
    ]) {
        "allow unprivileged user namespaces: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000 \
         (and on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0); in a container allow them in its seccomp profile"
    } else if says(&["mount proc", "mounting proc"]) {
        "in a container, give it an unmasked /proc (podman: --security-opt unmask=ALL; Kubernetes: procMount: Unmasked)"
    } else if says(&["Read-only file system", "mkdir", "create file"]) {
        "a mount lies in a folder that an earlier mount shows read-only: mount it earlier or elsewhere"
    } else if says(&["execvp"]) {
        "the mounts must hold the libraries that the helper needs: add `host_root()` or link the helper statically"
    } else if says(&["seccomp"]) {
        "the kernel must be built with CONFIG_SECCOMP_FILTER"
    } else {
        "run `freehold doctor` for a closer look"
    }
}

/// For errors of the launcher itself.
pub(crate) fn setup_error(said: &str) -> SandboxError {
    let detail = said.trim().strip_prefix("bwrap: ").unwrap_or(said.trim());
    let detail = if detail.is_empty() {
        "the launcher ended without a word"
    } else {
        detail
    };
    SandboxError::Setup {
        step: "bubblewrap",
        detail: detail.to_owned(),
        mend: mend(said),
    }
}

/// For the errors of the helper before it can speak.
pub(crate) fn spawn_error(program: &Path) -> impl FnOnce(io::Error) -> SandboxError {
    let detail = format!("cannot run {}", program.display());
    move |cause| SandboxError::Setup {
        step: "start the launcher",
        detail: format!("{detail}: {cause}"),
        mend: "check that the file is there and can be executed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(parse_version("bubblewrap 0.11.0").unwrap() > OLDEST);
        assert!(parse_version("bubblewrap 0.8.0").unwrap() >= OLDEST);
        assert!(parse_version("bubblewrap 0.6.1").unwrap() < OLDEST);
        assert_eq!(parse_version("bubblewrap 1").unwrap(), [1, 0, 0]);
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn the_pid_is_read_only_when_it_is_whole() {
        assert_eq!(child_pid(b"{\n    \"child-pid\": 4711\n}"), Some(4711));
        assert_eq!(
            child_pid(b"{ \"child-pid\": 4711, \"net-namespace\": 1 }"),
            Some(4711)
        );
        assert_eq!(child_pid(b"{\n    \"child-pid\": 47"), None);
        assert_eq!(child_pid(b""), None);
    }
}
