//! A user of the host for each start, when the runner is root: two starts, and the runner, never
//! have the same one, so that none may signal, trace or count against another's.
//!
//! The launcher is that user from its start, and joins a user namespace that was made here, in which
//! the user inside is that user of the host. Were the launcher root, the kernel would refuse it the
//! signal with which its death ends what it started: it has dropped what allows a signal to others.
//! The folders that it is shown belong to root. They are mounted once more with the two
//! users changed for each other, and the launcher is shown these: what it writes belongs to root on
//! the disk, and no file changes its owner. See [`stage`].

mod stage;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::unistd::{Uid, geteuid};

use crate::floor::{self, KVM, visible};
use crate::spec::{Mount, Spec};
use crate::sys;

pub(crate) use stage::Stage;

/// Above everything that systemd, containers and `/etc/subuid` hand out, below the numbers that
/// programs take for negative (systemd's UIDS-GIDS: 1879048192 to 2147483647 are nobody's).
const FIRST: u32 = 1_900_000_000;
/// More than a machine can run at once, so that runners seldom look for the same one.
const COUNT: u32 = 65_536;
/// Where the search of one runner begins is this far from that of the next process.
const APART: u32 = 64;

/// A user that is nobody else's while this lives.
#[derive(Debug)]
pub(crate) struct OwnUser {
    uid: u32,
    namespaces: Namespaces,
    /// Its name is taken for as long as it is open, and free when the runner dies.
    _taken: UnixListener,
}

/// Of one user; made once and used again by later starts.
#[derive(Debug, Clone)]
struct Namespaces {
    /// The user inside is this user; no namespace can be made below.
    inside: Arc<OwnedFd>,
    /// Root is this user: for mounts.
    of_root: Arc<OwnedFd>,
}

static MADE: Mutex<BTreeMap<u32, Namespaces>> = Mutex::new(BTreeMap::new());

impl OwnUser {
    /// Takes one. Blocks, the first time for some milliseconds.
    ///
    /// # Errors
    /// When this process may not make user namespaces for other users: it is not root, or root in a
    /// container.
    pub(crate) fn take() -> io::Result<Self> {
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
                inside: Arc::new(namespace(floor::UID, uid)?),
                of_root: Arc::new(namespace(0, uid)?),
            };
            made.insert(uid, namespaces.clone());
            namespaces
        };
        Ok(Self {
            uid,
            namespaces,
            _taken: taken,
        })
    }

    /// Its number on the host.
    pub(crate) fn uid(&self) -> u32 {
        self.uid
    }

    /// The user namespace for the launcher to join.
    pub(crate) fn namespace(&self) -> io::Result<OwnedFd> {
        self.namespaces.inside.try_clone()
    }
}

/// All that a start of `spec` shows of the host.
pub(crate) fn sources(spec: &Spec) -> Vec<PathBuf> {
    let shown = visible(&spec.mounts).filter_map(Mount::source);
    let shown = shown.filter(|source| *source != Path::new(KVM));
    let ours = spec.ports.iter().map(|port| &port.socket);
    let ours = ours.chain([&spec.init.program]).map(PathBuf::as_path);
    shown.chain(ours).map(Path::to_path_buf).collect()
}

/// A user for a start that shows `sources`, and the stage with them. `None` where there can be none:
/// the runner is not root and its own user runs everything, or a file system does not allow it.
/// Blocks, the first time for some milliseconds.
pub(crate) fn cast(sources: &[PathBuf]) -> Option<(OwnUser, Stage)> {
    if !geteuid().is_root() {
        return None;
    }
    let cast = OwnUser::take().and_then(|user| {
        let stage = Stage::with(sources, &user.namespaces.of_root)?;
        Ok((user, stage))
    });
    cast.inspect_err(|error| tracing::debug!(%error, "no user of its own"))
        .ok()
}

/// The kernel gives an abstract name to one socket only, and frees it with the process: no file is
/// left behind, and runners that do not know of each other agree.
fn name(uid: u32) -> io::Result<UnixListener> {
    let address = SocketAddr::from_abstract_name(format!("freehold-uid-{uid}"))?;
    UnixListener::bind_addr(&address)
}

/// A user namespace in which `inside` is `outside` and nobody else is anybody, and below which there
/// are no more.
fn namespace(inside: u32, outside: u32) -> io::Result<OwnedFd> {
    let maker = sys::user::make_namespace(Uid::from_raw(outside))?;
    let map = format!("{inside} {outside} 1\n");
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
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let Ok(first) = OwnUser::take() else {
            return; // Root of a container, which has no other users.
        };
        let second = OwnUser::take().unwrap();
        assert_ne!(first.uid(), second.uid());
        assert!(name(first.uid()).is_err());
        let freed = first.uid();
        drop(first);
        name(freed).unwrap();
    }
}
