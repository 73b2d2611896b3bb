//! The sockets by which a machine reaches its host: made before it starts, and waited on.

use std::path::PathBuf;

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::folder::Folder;
use super::hypervisor::{Device, Ways};
use super::jail;
use super::wire;
use crate::child::Child;
use crate::error::SandboxError;
use crate::spec::Mount;

/// The socket of a guest's sockets, in [`jail::SOCKETS`]; that of port N has `_N` after it.
const SOCKET: &str = "s";
/// It holds sockets and nothing else.
const SOCKETS_BYTES: u64 = 64 * 1024;
/// The trees of files, each by its port, and the socket by which our server comes to it.
const TREES: [(u32, &str); 2] = [
    (wire::ROOT_PORT, "files-root"),
    (wire::LIVE_PORT, "files-live"),
];

/// What listens for a machine.
pub(crate) struct Reach {
    /// As the hypervisor is told of it.
    pub(crate) ways: Ways,
    /// What the hypervisor sees of it.
    pub(crate) mounts: Vec<Mount>,
    /// One for each channel, in their order; the console last, where that is a socket.
    pub(crate) channels: Vec<UnixListener>,
    trees: Vec<Tree>,
}

/// A tree of files that is served by us.
struct Tree {
    guest: UnixListener,
    server: UnixListener,
    /// Where the server finds its one.
    name: &'static str,
    path: PathBuf,
}

impl Reach {
    /// Listens in `folder`, which is to be there until all have come.
    pub(crate) fn open(folder: &Folder, device: Device) -> Result<Self, SandboxError> {
        let mut made = Made {
            folder,
            sockets: Vec::new(),
        };
        let reach = match device {
            Device::Serial => made.serial(),
            Device::Vsock => made.vsock(),
        }?;
        folder.open_to_all(&made.sockets)?;
        Ok(reach)
    }

    /// What the server of files connects to, as [`jail::server`] takes it; nothing where the
    /// hypervisor serves them.
    pub(crate) fn served(&self) -> Vec<(&'static str, PathBuf)> {
        let all = self.trees.iter();
        all.map(|tree| (tree.name, tree.path.clone())).collect()
    }

    /// Carries the files between the server, which has connected when this returns, and the guest,
    /// whenever that one connects. `false` when the server ended before.
    pub(crate) async fn serve(
        &mut self,
        server: &mut Child,
        tasks: &mut JoinSet<()>,
    ) -> Result<bool, SandboxError> {
        for tree in self.trees.drain(..) {
            let Some(mut from) = accept(server, &tree.server).await? else {
                return Ok(false);
            };
            tasks.spawn(async move {
                // One guest, one connection: what else it opens is not answered.
                if let Ok((mut guest, _)) = tree.guest.accept().await {
                    drop(tree.guest);
                    let _ = tokio::io::copy_bidirectional(&mut guest, &mut from).await;
                }
            });
        }
        Ok(true)
    }
}

/// All connections in the order of the listeners; `None` when the hypervisor ended before.
pub(crate) async fn accept_all(
    hypervisor: &mut Child,
    listeners: Vec<UnixListener>,
) -> Result<Option<Vec<UnixStream>>, SandboxError> {
    let mut connected = Vec::new();
    for listener in listeners {
        match accept(hypervisor, &listener).await? {
            Some(stream) => connected.push(stream),
            None => return Ok(None),
        }
    }
    Ok(Some(connected))
}

async fn accept(
    of: &mut Child,
    listener: &UnixListener,
) -> Result<Option<UnixStream>, SandboxError> {
    tokio::select! {
        accepted = listener.accept() => {
            let (stream, _) = accepted.map_err(SandboxError::io("take a connection of a machine"))?;
            Ok(Some(stream))
        }
        _ = of.tree.report() => Ok(None),
    }
}

/// Sockets that are being made.
struct Made<'a> {
    folder: &'a Folder,
    sockets: Vec<(String, PathBuf)>,
}

impl Made<'_> {
    fn listen(&mut self, name: &str) -> Result<(UnixListener, PathBuf), SandboxError> {
        let path = self.folder.path().join(name);
        let listener =
            UnixListener::bind(&path).map_err(SandboxError::io("open the sockets of a machine"))?;
        self.sockets.push((name.to_owned(), path.clone()));
        Ok((listener, path))
    }

    fn serial(&mut self) -> Result<Reach, SandboxError> {
        let (mut channels, mut mounts) = (Vec::new(), Vec::new());
        let names = wire::channels();
        for name in names.iter().map(String::as_str).chain(["console"]) {
            let (listener, path) = self.listen(name)?;
            channels.push(listener);
            mounts.push(jail::shown(path, name));
        }
        let ways = Ways::Serial {
            shared: jail::GUEST.into(),
            channels: names
                .into_iter()
                .map(|name| (name.clone(), jail::part(&name)))
                .collect(),
            console: jail::part("console"),
        };
        Ok(Reach {
            ways,
            mounts,
            channels,
            trees: Vec::new(),
        })
    }

    fn vsock(&mut self) -> Result<Reach, SandboxError> {
        let place = PathBuf::from(jail::SOCKETS);
        let mut mounts = vec![Mount::Tmpfs {
            target: place.clone(),
            size_bytes: SOCKETS_BYTES,
        }];
        let mut listen = |port: u32| -> Result<UnixListener, SandboxError> {
            let name = format!("{SOCKET}_{port}");
            let (listener, source) = self.listen(&name)?;
            let target = place.join(name);
            mounts.push(Mount::ReadOnly { source, target });
            Ok(listener)
        };
        let guests: Vec<UnixListener> = TREES
            .iter()
            .map(|(port, _)| listen(*port))
            .collect::<Result<_, _>>()?;
        let ports = wire::channels().into_iter().zip(wire::FIRST_PORT..);
        let channels = ports
            .map(|(_, port)| listen(port))
            .collect::<Result<_, _>>()?;
        let mut trees = Vec::new();
        for (guest, (_, name)) in guests.into_iter().zip(TREES) {
            let (server, path) = self.listen(name)?;
            trees.push(Tree {
                guest,
                server,
                name,
                path,
            });
        }
        Ok(Reach {
            ways: Ways::Vsock(place.join(SOCKET)),
            mounts,
            channels,
            trees,
        })
    }
}
