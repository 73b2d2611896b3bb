//! The folder of one container: its configuration, its root, its files, the runtime's state.
//!
//! It is private (0700, under a random name) and locked for as long as its runner lives; the kernel
//! lets go of the lock when the runner dies, however it dies. A folder of ours whose lock can be
//! taken is what a killed runner left.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::unistd::geteuid;

use crate::container::groups;
use crate::container::runtime::{Found, Runtime};
use crate::error::SandboxError;

/// What the names of our folders begin with; the rest is random.
const PREFIX: &str = "freehold-container-";
const RANDOM_CHARACTERS: usize = 24;
/// In a folder, the control groups that go with it, and the runtime that it was made for.
const GROUPS: &str = "groups.json";
const RUNTIME: &str = "runtime.json";
/// A folder is lost to another runner's sweep only between its making and its locking.
const MOST_TRIES: usize = 8;
/// The runtime itself gives a killed container ten seconds to go.
const DELETE_WITHIN: Duration = Duration::from_secs(20);
const DELETE_ROUND: Duration = Duration::from_millis(2);
/// The runtime's account of one container, its configuration among it.
const MAX_STATE_BYTES: u64 = 16 << 20;

/// Dropping it removes the folder and, where the runtime did not get that far, the container. Blocks
/// for some milliseconds; drop it when no process is left.
#[derive(Debug)]
pub(crate) struct Bundle {
    folder: PathBuf,
    id: String,
    runtime: &'static Found,
    /// Held for its lock.
    _lock: Flock<File>,
}

impl Bundle {
    pub(crate) fn create(runtime: &'static Found) -> Result<Self, SandboxError> {
        Self::try_create(&base(), runtime).map_err(SandboxError::io("make the container's folder"))
    }

    fn try_create(base: &Path, runtime: &'static Found) -> io::Result<Self> {
        for _ in 0..MOST_TRIES {
            let made = tempfile::Builder::new()
                .prefix(PREFIX)
                .rand_bytes(RANDOM_CHARACTERS)
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(base)?;
            let Some(lock) = lock(made.path()) else {
                continue;
            };
            let id = made.path().file_name().and_then(|name| name.to_str());
            let id = id.ok_or(io::ErrorKind::InvalidData)?.to_owned();
            let bundle = Self {
                id,
                runtime,
                _lock: lock,
                folder: made.keep(),
            };
            for folder in [
                bundle.root(),
                bundle.points(),
                bundle.files(),
                bundle.state(),
            ] {
                fs::create_dir(&folder)?;
                // The user inside may be another than the one that this belongs to.
                fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
            }
            // By whoever removes it, from wherever.
            let groups = groups::of(&bundle.id);
            fs::write(bundle.folder.join(GROUPS), serde_json::to_vec(&groups)?)?;
            let made_for = (runtime.kind, &runtime.path);
            fs::write(bundle.folder.join(RUNTIME), serde_json::to_vec(&made_for)?)?;
            return Ok(bundle);
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its name to the runtime; unlike any other's.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What the container's root is made on.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Where the places to mount on are made when the root is an image's.
    pub(crate) fn points(&self) -> PathBuf {
        self.folder.join("points")
    }

    /// Files that exist in the specification only.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// Where the runtime keeps its account.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// A file in [`Self::files`], for every user that is shown it.
    pub(crate) fn write_file(&self, number: usize, contents: &[u8]) -> io::Result<PathBuf> {
        let path = self.files().join(number.to_string());
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let mut file = file?;
        file.write_all(contents)?;
        // Whatever the mask for new files is.
        file.set_permissions(fs::Permissions::from_mode(0o444))?;
        Ok(path)
    }

    pub(crate) fn write_config(&self, config: &[u8]) -> Result<(), SandboxError> {
        fs::write(self.folder.join("config.json"), config)
            .map_err(SandboxError::io("write the container's configuration"))
    }

    /// The runtime that it was made for.
    pub(crate) fn runtime(&self) -> Runtime {
        self.runtime.kind
    }

    /// The pid of the container's first process, once the runtime knows it.
    pub(crate) fn first_process(&self) -> Option<i32> {
        let (path, place) = self.runtime.kind.account(&self.state(), &self.id);
        if fs::metadata(&path).ok()?.len() > MAX_STATE_BYTES {
            return None;
        }
        let told: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        i32::try_from(told.pointer(place)?.as_i64()?).ok()
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        remove(&self.folder, &self.id);
    }
}

/// Where folders are made: memory where the system has some for this user, for they are short-lived.
fn base() -> PathBuf {
    let user = geteuid();
    let own = if user.is_root() {
        PathBuf::from("/run")
    } else {
        Path::new("/run/user").join(user.to_string())
    };
    let is_own = |found: fs::Metadata| found.is_dir() && found.uid() == user.as_raw();
    if fs::symlink_metadata(&own).is_ok_and(is_own) {
        own
    } else {
        PathBuf::from("/tmp")
    }
}

/// The lock on a folder that is still there under its name.
fn lock(folder: &Path) -> Option<Flock<File>> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(folder);
    let lock = Flock::lock(opened.ok()?, FlockArg::LockExclusiveNonblock).ok()?;
    let (named, held) = (fs::symlink_metadata(folder).ok()?, lock.metadata().ok()?);
    let same = (named.dev(), named.ino()) == (held.dev(), held.ino());
    same.then_some(lock)
}

/// Removes what killed runners of this user left, in a thread of its own: a container that is still
/// there takes a moment to kill.
pub(crate) fn sweep() {
    let left = left(&base());
    if left.is_empty() {
        return;
    }
    let thread = std::thread::Builder::new().name("sandbox-sweeper".into());
    // Without a thread: at the next start.
    let _ = thread.spawn(move || {
        for (folder, id, _lock) in left {
            remove(&folder, &id);
        }
    });
}

/// Folders of ours whose runner is dead, each with its lock.
fn left(base: &Path) -> Vec<(PathBuf, String, Flock<File>)> {
    let user = geteuid().as_raw();
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    let ours = entries.filter_map(|entry| {
        let id = entry.file_name().into_string().ok()?;
        let is_ours = id.len() == PREFIX.len() + RANDOM_CHARACTERS && id.starts_with(PREFIX);
        let found = fs::symlink_metadata(entry.path())
            .ok()
            .filter(|_| is_ours)?;
        let private = found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0;
        private.then_some(())?;
        Some((entry.path(), id, lock(&entry.path())?))
    });
    ours.collect()
}

/// The container and its control groups, if the runtime has not deleted it itself, then the folder. Whatever cannot be
/// removed is tried again at a later start.
fn remove(folder: &Path, id: &str) {
    let state = folder.join("state");
    let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    let made_for = serde_json::from_slice::<(Runtime, PathBuf)>(&read(RUNTIME)).ok();
    if let Some((_, program)) = made_for.filter(|(kind, _)| kind.has(&state, id)) {
        let mut delete = Command::new(program);
        delete
            .env_clear()
            .current_dir("/")
            .arg("--root")
            .arg(&state);
        delete.args(["delete", "--force", id]).stdin(Stdio::null());
        delete.stdout(Stdio::null()).stderr(Stdio::null());
        if !ended_well(&mut delete) {
            tracing::warn!(container = id, "the container runtime could not delete it");
        }
    }
    groups::remove(&serde_json::from_slice::<Vec<PathBuf>>(&read(GROUPS)).unwrap_or_default());
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "a container's folder is left");
    }
}

fn ended_well(command: &mut Command) -> bool {
    let Ok(mut process) = command.spawn() else {
        return false;
    };
    let begun = Instant::now();
    loop {
        match process.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if begun.elapsed() < DELETE_WITHIN => std::thread::sleep(DELETE_ROUND),
            _ => {
                let _ = process.kill();
                let _ = process.wait();
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(kind: Runtime) -> &'static Found {
        Box::leak(Box::new(Found {
            kind,
            path: "/no/such/runtime".into(),
            version: String::new(),
        }))
    }

    #[test]
    fn a_folder_is_private_and_goes_when_dropped() {
        let base = tempfile::tempdir().unwrap();
        let bundle = Bundle::try_create(base.path(), none(Runtime::Runc)).unwrap();
        let found = fs::metadata(bundle.folder()).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o700);
        assert!(left(base.path()).is_empty(), "its owner is alive");
        drop(bundle);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_folders_of_ours_without_an_owner_are_left() {
        let base = tempfile::tempdir().unwrap();
        let name = |end: &str| format!("{PREFIX}{end:x<RANDOM_CHARACTERS$}");
        let make = |name: &str, mode: u32| {
            let path = base.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        make(&name("dead"), 0o700);
        make(&name("open"), 0o755);
        make("something-else", 0o700);
        make(&format!("{PREFIX}short"), 0o700);
        std::os::unix::fs::symlink("/etc", base.path().join(name("link"))).unwrap();
        fs::write(base.path().join(name("file")), "").unwrap();
        let found: Vec<_> = left(base.path()).into_iter().map(|(_, id, _)| id).collect();
        assert_eq!(found, [name("dead")]);
        let held = lock(&base.path().join(name("dead"))).unwrap();
        assert!(left(base.path()).is_empty(), "somebody holds it");
        drop(held);
        assert_eq!(left(base.path()).len(), 1);
    }

    #[test]
    fn the_first_process_is_read_from_the_runtimes_account() {
        let base = tempfile::tempdir().unwrap();
        for (kind, whole) in [
            (Runtime::Runc, r#"{"init_process_pid": 4711}"#),
            (Runtime::Crun, r#"{"pid": 4711}"#),
            (
                Runtime::Runsc,
                r#"{"goferPid": 1, "sandbox": {"pid": 4711}}"#,
            ),
        ] {
            let bundle = Bundle::try_create(base.path(), none(kind)).unwrap();
            assert_eq!(bundle.first_process(), None);
            let (account, _) = kind.account(&bundle.state(), bundle.id());
            fs::create_dir_all(account.parent().unwrap()).unwrap();
            assert_eq!(
                kind.has(&bundle.state(), bundle.id()),
                kind != Runtime::Runsc
            );
            fs::write(&account, whole).unwrap();
            assert_eq!(bundle.first_process(), Some(4711));
            assert!(kind.has(&bundle.state(), bundle.id()));
            fs::write(&account, &whole[..whole.len() - 2]).unwrap();
            assert_eq!(bundle.first_process(), None);
        }
    }
}
