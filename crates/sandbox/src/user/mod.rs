//! Users of the host for what the host's root starts: no other start, and not the runner, has the
//! same one, so that none may signal, trace or count against another's.
//!
//! The launcher is that user from its start, and joins a user namespace that was made here, in which
//! the user inside is that user of the host. Were the launcher root, the kernel would refuse it the
//! signal with which its death ends what it started: it has dropped what allows a signal to others.
//!
//! The folders that it is shown belong to root. They are mounted once more with the two users changed
//! for each other, and the launcher is shown these: what it writes belongs to root on the disk, and no
//! file changes its owner. See [`stage`]. An overlay cannot be mounted so, but of folders that are; see
//! [`HostUser::overlay`].

mod privilege;
mod stage;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::unistd::Uid;

use crate::error::SandboxError;
use crate::floor::{self, KVM, visible};
use crate::spec::{Mount, Spec, User};
use crate::sys;

pub(crate) use stage::Stage;

/// In the words of an error.
const STEP: &str = "give the start a user of the host for itself";
/// What mends it where users cannot be made or changed.
const MEND: &str = "update the kernel to 5.12 or newer, or run this as an ordinary user";

/// Above everything that systemd, containers and `/etc/subuid` hand out, below the numbers that
/// programs take for negative (systemd's UIDS-GIDS: 1879048192 to 2147483647 are nobody's).
const FIRST: u32 = 1_900_000_000;
/// The host's user that a container's runtime is inside while it builds one as root, or, where it
/// serves the files, for as long as that lasts. It owns nothing and belongs to nobody: it is the
/// first of the range that `login.defs(5)` leaves to containers.
pub(crate) const BUILDER: u32 = 524_288;
/// More than a machine can run at once, so that runners seldom look for the same one.
const COUNT: u32 = 65_536;
/// Where the search of one runner begins is this far from that of the next process.
const APART: u32 = 64;

/// A user of the host that is nobody else's while this or a clone of it lives.
#[derive(Debug, Clone)]
pub struct HostUser {
    uid: u32,
    namespaces: Namespaces,
    /// Its name is taken for as long as it is open, and free when the runner dies.
    _taken: Arc<UnixListener>,
}

/// Of one user; made once and used again by later starts.
#[derive(Debug, Clone)]
struct Namespaces {
    /// The user inside is this user; no namespace can be made below.
    inside: Arc<OwnedFd>,
    /// Root is this user: for mounts. [`BUILDER`] is itself: a runtime that serves files makes them as
    /// that user and gives them away at once.
    of_root: Arc<OwnedFd>,
}

static MADE: Mutex<BTreeMap<u32, Namespaces>> = Mutex::new(BTreeMap::new());

impl HostUser {
    /// Takes one that is free. `None` where this process is not the host's root, or root without what
    /// changing users takes: to the kernel it and all that it starts are one user. Blocks, the first
    /// time for some milliseconds.
    ///
    /// # Errors
    /// [`SandboxError::Setup`]: this process is the host's root, and no other user can be had.
    pub fn take() -> Result<Option<Self>, SandboxError> {
        if !privilege::may_change_users() {
            return Ok(None);
        }
        Self::first_free()
            .map(Some)
            .map_err(|error| not_had(&error.to_string(), MEND))
    }

    fn first_free() -> io::Result<Self> {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that there are namespaces for come first: there are never more than starts at once.
        let begin = std::process::id().wrapping_mul(APART);
        let others = (0..COUNT).map(|step| FIRST + begin.wrapping_add(step) % COUNT);
        let (uid, taken) = (made.keys().copied())
            .chain(others)
            .find_map(|uid| Some((uid, name(uid).ok()?)))
            .ok_or_else(|| io::Error::other("every user of the range is taken"))?;
        let namespaces = if let Some(namespaces) = made.get(&uid) {
            namespaces.clone()
        } else {
            let namespaces = Namespaces {
                inside: Arc::new(namespace(&[(floor::UID, uid)], uid)?),
                of_root: Arc::new(namespace(&[(0, uid), (BUILDER, BUILDER)], uid)?),
            };
            made.insert(uid, namespaces.clone());
            namespaces
        };
        Ok(Self {
            uid,
            namespaces,
            _taken: Arc::new(taken),
        })
    }

    /// Its number on the host, as a user and as a group.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Mounts an overlay at `at` whose files are this user's, and root's on the disk: what root owns
    /// below `folders`, which hold all that `options` name by their paths. Nobody else makes files in
    /// it, the host's root neither ([`as_owner`]). Blocks for some milliseconds.
    ///
    /// # Errors
    /// The file system of a folder cannot be mounted with changed owners, or the kernel is older than
    /// 5.19; nothing is mounted then.
    pub fn overlay(&self, folders: &[&Path], options: &OsStr, at: &Path) -> io::Result<()> {
        let namespace = &self.namespaces.of_root;
        sys::user::overlay_for(self.uid, namespace, folders, options, at)
    }

    /// The user namespace for the launcher to join.
    pub(crate) fn namespace(&self) -> io::Result<OwnedFd> {
        self.namespaces.inside.try_clone()
    }
}

/// Does `work` in a thread of its own whose files belong to user and group `owner` from their making,
/// with all that the caller may do: for root, in an overlay of a [`HostUser`]. Blocks until it is done.
///
/// # Errors
/// There is no thread, or this process may not change users; nothing was done.
pub fn as_owner<T: Send>(owner: (u32, u32), work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("sandbox-owner".into());
        let done = thread.spawn_scoped(scope, move || {
            sys::user::own_files(owner.0, owner.1)?;
            Ok(work())
        })?;
        done.join()
            .unwrap_or_else(|_| Err(io::Error::other("the work did not come to its end")))
    })
}

fn not_had(detail: &str, mend: &'static str) -> SandboxError {
    SandboxError::Setup {
        step: STEP,
        detail: detail.to_owned(),
        mend,
    }
}

/// A path of the host that a start shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    path: PathBuf,
    /// It must be the user's own: to be written, or connected to.
    is_own: bool,
}

impl Source {
    pub(crate) fn to_read(path: PathBuf) -> Self {
        Self {
            path,
            is_own: false,
        }
    }
}

/// All that a start of `spec` shows of the host, each path once.
pub(crate) fn sources(spec: &Spec) -> Vec<Source> {
    let shown = visible(&spec.mounts).filter_map(|mount| {
        let is_own = matches!(mount, Mount::ReadWrite { .. });
        let source = mount.source()?;
        // A device, which is its group's by other means.
        (source != Path::new(KVM)).then_some((source, is_own))
    });
    let sockets = spec.ports.iter().map(|port| (port.socket.as_path(), true));
    let init = [(spec.init.program.as_path(), false)];
    let mut all = BTreeMap::new();
    for (path, is_own) in shown.chain(sockets).chain(init) {
        *all.entry(path.to_path_buf()).or_insert(false) |= is_own;
    }
    all.into_iter()
        .map(|(path, is_own)| Source { path, is_own })
        .collect()
}

/// The user for a start that shows `sources`, and the stage with them. `None` as in
/// [`HostUser::take`].
pub(crate) async fn cast(
    sources: Vec<Source>,
    wanted: User,
) -> Result<Option<(HostUser, Stage)>, SandboxError> {
    // The first time it takes some milliseconds.
    let cast = tokio::task::spawn_blocking(move || cast_now(&sources, wanted)).await;
    cast.map_err(|error| SandboxError::io(STEP)(io::Error::other(error)))?
}

fn cast_now(sources: &[Source], wanted: User) -> Result<Option<(HostUser, Stage)>, SandboxError> {
    let user = match wanted {
        User::Own => HostUser::take()?,
        User::Shared(user) => Some(user),
    };
    let Some(user) = user else {
        return Ok(None);
    };
    let stage = Stage::with(sources, &user)?;
    Ok(Some((user, stage)))
}

/// The kernel gives an abstract name to one socket only, and frees it with the process: no file is
/// left behind, and runners that do not know of each other agree.
fn name(uid: u32) -> io::Result<UnixListener> {
    let address = SocketAddr::from_abstract_name(format!("freehold-uid-{uid}"))?;
    UnixListener::bind_addr(&address)
}

/// A user namespace of `owner` in which each first user is the second one outside and nobody else is
/// anybody, and below which there are no more.
fn namespace(users: &[(u32, u32)], owner: u32) -> io::Result<OwnedFd> {
    let maker = sys::user::make_namespace(Uid::from_raw(owner))?;
    let lines = users
        .iter()
        .map(|(inside, outside)| format!("{inside} {outside} 1\n"));
    let map: String = lines.collect();
    for file in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{}/{file}", maker.pid()), &map)?;
    }
    let made = fs::File::open(format!("/proc/{}/ns/user", maker.pid()))?;
    maker.finish()?;
    Ok(made.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_gets_it_while_it_lives() {
        // An ordinary user, or root of a container, has no others.
        let Some(first) = HostUser::take().unwrap() else {
            return;
        };
        let second = HostUser::take().unwrap().unwrap();
        assert_ne!(first.uid(), second.uid());
        assert!(name(first.uid()).is_err());
        let (freed, other) = (first.uid(), first.clone());
        drop(first);
        assert!(name(freed).is_err(), "a clone lives");
        drop(other);
        name(freed).unwrap();
    }
}
