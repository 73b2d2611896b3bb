//! The launcher of the sandbox tier: which one, and what it is told.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use tokio::sync::OnceCell;

use crate::error::SandboxError;
use crate::seccomp;
use crate::spec::{Mount, Spec};
use crate::sys;

/// The user and group inside, also when the host's is root.
pub(crate) const UID: u32 = 1000;
/// The name of the machine inside.
pub(crate) const HOSTNAME: &str = "freehold";
/// Where the helper and the sockets of the ports are seen inside.
const OURS: &str = "/.freehold";

/// The first version with `--disable-userns`.
const OLDEST: [u32; 3] = [0, 8, 0];
const OLDEST_NAME: &str = "0.8.0";
/// Not `PATH`: what launches the sandbox is not up to an environment variable.
const PLACES: [&str; 3] = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"];
/// Build tools write gigabytes there, and it is memory.
const TMP_BYTES: u64 = 2 << 30;
/// Each is a system call and a descriptor at most; a run has some dozens.
const MAX_MOUNTS: usize = 1024;

/// In `/proc`, of the machine and not of the processes inside: memory, keys, the kernel's insides.
const MASKED_FILES: [&str; 12] = [
    "kcore",
    "keys",
    "kmsg",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "sched_debug",
    "slabinfo",
    "sysrq-trigger",
    "timer_list",
    "vmallocinfo",
];
const MASKED_FOLDERS: [&str; 4] = ["acpi", "asound", "irq", "scsi"];

/// A launcher that has what the floor needs.
#[derive(Debug, Clone)]
pub(crate) struct Bubblewrap {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// Finds the launcher; a good answer is kept for the life of the program.
pub(crate) async fn find() -> Result<&'static Bubblewrap, SandboxError> {
    static FOUND: OnceCell<Bubblewrap> = OnceCell::const_new();
    FOUND.get_or_try_init(look).await
}

async fn look() -> Result<Bubblewrap, SandboxError> {
    let path = PLACES
        .iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .ok_or_else(|| SandboxError::BubblewrapMissing {
            tried: PLACES.join(", "),
        })?;
    let output = tokio::process::Command::new(&path)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(SandboxError::io("ask bubblewrap for its version"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
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

/// What the launcher is told, and the descriptors that go with it.
pub(crate) struct Orders {
    /// Arguments for `--args`, each ended by a NUL: on the command line everyone could read them.
    pub(crate) arguments: Vec<u8>,
    /// To be passed from number `first_fd` on.
    pub(crate) descriptors: Vec<OwnedFd>,
    /// The helper as seen inside.
    pub(crate) init: PathBuf,
    /// The ports and their sockets as seen inside.
    pub(crate) ports: Vec<(u16, PathBuf)>,
}

/// Translates a specification; descriptors are numbered from `first_fd` on.
pub(crate) fn orders(spec: &Spec, info_fd: RawFd, first_fd: RawFd) -> Result<Orders, SandboxError> {
    check(spec)?;
    let mut orders = Builder {
        words: Vec::new(),
        descriptors: Vec::new(),
        first_fd,
    };
    orders.floor(spec, info_fd)?;
    for mount in visible(&spec.mounts) {
        orders.mount(mount)?;
    }
    let ours = Path::new(OURS);
    let init = ours.join("init");
    orders.bind("--ro-bind", &spec.init.program, &init)?;
    let mut ports = Vec::new();
    for port in &spec.ports {
        let inside = ours.join(format!("port-{}", port.port));
        orders.bind("--ro-bind", &port.socket, &inside)?;
        ports.push((port.port, inside));
    }
    // Last: until here the launcher itself has to make the places to mount on.
    orders.say(["--remount-ro", "/dev", "--remount-ro", "/"]);
    let Builder {
        words, descriptors, ..
    } = orders;
    Ok(Orders {
        arguments: joined(words),
        descriptors,
        init,
        ports,
    })
}

/// Without those that a later one on the very same place hides: the launcher cannot mount over a
/// link or over a file that it made.
fn visible(mounts: &[Mount]) -> impl Iterator<Item = &Mount> {
    let later = |at: usize, target: &Path| {
        mounts[at + 1..]
            .iter()
            .any(|mount| mount.target() == target)
    };
    mounts
        .iter()
        .enumerate()
        .filter(move |(at, mount)| !later(*at, mount.target()))
        .map(|(_, mount)| mount)
}

fn joined(words: Vec<OsString>) -> Vec<u8> {
    words
        .into_iter()
        .flat_map(|word| {
            let mut bytes = word.into_vec();
            bytes.push(0);
            bytes
        })
        .collect()
}

struct Builder {
    words: Vec<OsString>,
    descriptors: Vec<OwnedFd>,
    first_fd: RawFd,
}

impl Builder {
    fn say<W: AsRef<OsStr>>(&mut self, words: impl IntoIterator<Item = W>) {
        self.words
            .extend(words.into_iter().map(|word| word.as_ref().to_owned()));
    }

    /// Passes `contents` in a descriptor and returns its number inside the launcher.
    fn pass(&mut self, contents: &[u8]) -> Result<String, SandboxError> {
        let file = sys::memory_file(contents).map_err(SandboxError::io("make a file in memory"))?;
        let number = self.first_fd as usize + self.descriptors.len();
        self.descriptors.push(file);
        Ok(number.to_string())
    }

    /// What every sandbox has, whatever was asked for.
    fn floor(&mut self, spec: &Spec, info_fd: RawFd) -> Result<(), SandboxError> {
        self.say([
            "--unshare-user",
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
        ]);
        self.say([
            "--unshare-cgroup",
            "--unshare-net",
            "--disable-userns",
            "--new-session",
        ]);
        self.say([
            "--die-with-parent",
            "--clearenv",
            "--hostname",
            HOSTNAME,
            "--chdir",
            "/",
        ]);
        let uid = UID.to_string();
        self.say(["--uid", &uid, "--gid", &uid, "--cap-drop", "ALL"]);
        self.say(["--info-fd", &info_fd.to_string()]);
        let filter = self.pass(&seccomp::filter())?;
        self.say(["--seccomp", &filter]);
        let size = spec.limits.tmp_bytes.unwrap_or(TMP_BYTES).to_string();
        self.proc();
        self.say(["--dev", "/dev"]);
        self.say(["--perms", "1777", "--size", &size, "--tmpfs", "/dev/shm"]);
        self.say(["--perms", "1777", "--size", &size, "--tmpfs", "/tmp"]);
        Ok(())
    }

    /// A fresh `/proc` that nothing can be written in. To the kernel the user inside is the one
    /// outside: were that root, its files would be open for writing, `sys/kernel/core_pattern` too.
    fn proc(&mut self) {
        self.say(["--proc", "/proc"]);
        for file in MASKED_FILES.map(|name| Path::new("/proc").join(name)) {
            if file.exists() {
                self.say([Path::new("--ro-bind"), Path::new("/dev/null"), &file]);
            }
        }
        for folder in MASKED_FOLDERS.map(|name| Path::new("/proc").join(name)) {
            if folder.exists() {
                self.say([
                    Path::new("--tmpfs"),
                    &folder,
                    Path::new("--remount-ro"),
                    &folder,
                ]);
            }
        }
        self.say(["--remount-ro", "/proc"]);
    }

    fn bind(&mut self, option: &str, source: &Path, target: &Path) -> Result<(), SandboxError> {
        source
            .metadata()
            .map_err(|cause| SandboxError::MountSource {
                path: source.to_path_buf(),
                target: target.to_path_buf(),
                cause,
            })?;
        self.say([OsStr::new(option), source.as_os_str(), target.as_os_str()]);
        Ok(())
    }

    fn mount(&mut self, mount: &Mount) -> Result<(), SandboxError> {
        match mount {
            Mount::ReadOnly { source, target } => self.bind("--ro-bind", source, target)?,
            Mount::ReadWrite { source, target } => self.bind("--bind", source, target)?,
            Mount::Tmpfs { target, size_bytes } => {
                let size = size_bytes.to_string();
                self.say(["--size", &size, "--tmpfs"]);
                self.say([target]);
            }
            Mount::Symlink { points_to, target } => {
                self.say(["--symlink"]);
                self.say([points_to, target]);
            }
            Mount::File { contents, target } => {
                let number = self.pass(contents)?;
                self.say(["--perms", "0444", "--ro-bind-data", &number]);
                self.say([target]);
            }
        }
        Ok(())
    }
}

/// What no launcher could make sense of, or what would weaken the floor.
fn check(spec: &Spec) -> Result<(), SandboxError> {
    let invalid = |what: String| Err(SandboxError::Invalid { what });
    if spec.mounts.len() > MAX_MOUNTS {
        return invalid(format!(
            "{} mounts; at most {MAX_MOUNTS}",
            spec.mounts.len()
        ));
    }
    for mount in &spec.mounts {
        let target = mount.target();
        if !is_plain(target) {
            return invalid(format!(
                "mount target {}: must be absolute, without `..`",
                target.display()
            ));
        }
        let reserved = ["/proc", "/dev", OURS];
        if target == Path::new("/") || reserved.iter().any(|own| target.starts_with(own)) {
            return invalid(format!(
                "mount target {}: the sandbox makes this one itself",
                target.display()
            ));
        }
        if let Mount::Tmpfs { size_bytes: 0, .. } = mount {
            return invalid(format!(
                "tmpfs {}: a size of 0 would be without bound",
                target.display()
            ));
        }
        if let Mount::Symlink { points_to, .. } = mount {
            no_nul("the target of a link", points_to.as_os_str())?;
        }
        for path in [Some(target), mount.source()].into_iter().flatten() {
            no_nul("a mount", path.as_os_str())?;
        }
        if mount.source().is_some_and(Path::is_relative) {
            return invalid(format!(
                "mount of {}: the source must be absolute",
                target.display()
            ));
        }
    }
    if spec.limits.tmp_bytes == Some(0) {
        return invalid("limits.tmp_bytes: 0 would be without bound".into());
    }
    Ok(())
}

/// A NUL would end an argument early and make the rest of it another one.
pub(crate) fn no_nul(what: &str, word: &OsStr) -> Result<(), SandboxError> {
    if word.as_bytes().contains(&0) {
        return Err(SandboxError::Invalid {
            what: format!("{what} holds a NUL byte"),
        });
    }
    Ok(())
}

fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
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

    #[test]
    fn a_target_is_compared_by_its_parts() {
        assert!(is_plain(Path::new("/workspace/a")));
        for bad in ["workspace", "/a/../b", "../b", ""] {
            assert!(!is_plain(Path::new(bad)), "{bad}");
        }
        assert!(!Path::new("/process").starts_with("/proc"));
    }
}
