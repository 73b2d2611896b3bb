//! Where the processes of a run find what they are given: at fixed places inside a sandbox; without
//! one, where it lies on the host.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use freehold_model::world::random;
use freehold_model::{Entropy, ProjectId, Reason};
use freehold_sandbox::{HOME, Mount, Spec};
use tokio::sync::OwnedMutexGuard;

use crate::failure::Halt;
use crate::limits::Walls;
use crate::surroundings::{Folder, OBJECTS, WORKSPACE};

/// What else a process is given lies here inside.
const THINGS: &str = "/freehold";
/// Ports inside: high and odd, so that no project's own server wants them.
const INSIDE: [u16; 3] = [61_080, 61_081, 61_082];
/// Ports of the host are chosen above those that the kernel gives out by itself (32768 to 60999 where
/// nobody changed it).
const HOST_PORTS: std::ops::RangeInclusive<u16> = 61_100..=65_500;
/// Tries to find one that nobody has. Some thousand are free, and a run needs three.
const TRIES: usize = 200;

/// Ports of the host that runs of this process hold.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// The loopback ports of one run, by what answers there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    /// The proxy.
    pub(crate) proxy: u16,
    /// The model.
    pub(crate) model: u16,
    /// The broker.
    pub(crate) broker: u16,
}

impl Ports {
    const fn inside() -> Self {
        let [proxy, model, broker] = INSIDE;
        Self {
            proxy,
            model,
            broker,
        }
    }

    /// Three of the host that no other run of this process has and that nobody listens on now. They
    /// are free again when this is dropped.
    ///
    /// # Errors
    /// All that were tried are in use.
    pub(crate) fn of_host(entropy: &dyn Entropy) -> Result<Self, Halt> {
        let used = listening(
            &["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).ok()),
        );
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for _ in 0..TRIES {
            let port = pick(u16::from_be_bytes(random(entropy)));
            if !used.contains(&port) && taken.insert(port) {
                found.push(port);
            }
            if let [proxy, model, broker] = *found.as_slice() {
                return Ok(Self {
                    proxy,
                    model,
                    broker,
                });
            }
        }
        for port in found {
            taken.remove(&port);
        }
        Err(Halt::failed(
            Reason::Sandbox,
            "nothing was started: no free port of the loopback between 61100 and 65500 was found; end what listens there",
        ))
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        for port in [self.proxy, self.model, self.broker] {
            taken.remove(&port);
        }
    }
}

/// A port of [`HOST_PORTS`] for a number.
fn pick(number: u16) -> u16 {
    let count = HOST_PORTS.end() - HOST_PORTS.start() + 1;
    HOST_PORTS.start() + number % count
}

/// Local ports of proc_net(5), `tcp`: the second column, `address:port` in hexadecimal.
fn listening(tables: &[Option<String>]) -> BTreeSet<u16> {
    let lines = tables.iter().flatten().flat_map(|table| table.lines());
    let port = |line: &str| {
        let (_, port) = line.split_whitespace().nth(1)?.rsplit_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    lines.filter_map(port).collect()
}

/// Places as a process sees them.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) workspace: PathBuf,
    /// Its git directory.
    pub(crate) git_dir: PathBuf,
    /// The store's objects.
    pub(crate) objects: PathBuf,
    pub(crate) home: PathBuf,
    /// Files of ours: the card, a message.
    pub(crate) things: PathBuf,
    pub(crate) ports: Arc<Ports>,
    /// For temporary files, where there is no `/tmp` of its own.
    pub(crate) tmp: Option<PathBuf>,
}

impl Places {
    /// Within a job's walls, for the tree in `folder`.
    pub(crate) fn of(walls: &Walls, folder: &Folder, objects: &Path) -> Self {
        match &walls.ports {
            None => Self::inside(),
            Some(ports) => Self {
                workspace: folder.work.clone(),
                git_dir: folder.scratch.clone(),
                objects: objects.to_owned(),
                home: folder.home.clone(),
                things: folder.home.with_file_name("things"),
                ports: ports.clone(),
                tmp: Some(folder.home.with_file_name("tmp")),
            },
        }
    }

    /// In every sandbox.
    pub(crate) fn inside() -> Self {
        Self {
            workspace: WORKSPACE.into(),
            git_dir: Path::new(WORKSPACE).join(".git"),
            objects: OBJECTS.into(),
            home: HOME.into(),
            things: THINGS.into(),
            ports: Arc::new(Ports::inside()),
            tmp: None,
        }
    }

    /// Whether these are places of the host: nothing is mounted, and nothing is kept away.
    pub(crate) const fn are_host_s(&self) -> bool {
        self.tmp.is_some()
    }

    /// Where a program of the host is seen that every sandbox shows as `name`.
    pub(crate) fn program(&self, host: &Path, name: &str) -> PathBuf {
        match self.are_host_s() {
            true => host.to_owned(),
            false => self.things.join(name),
        }
    }

    /// What git calls `origin`.
    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}/repo", self.ports.broker)
    }
}

/// Puts on the host what a sandbox would mount: the folders and the files of a process that gets none.
///
/// Files are written below the folder that `HOME` is in, which is the run's own, and nowhere else. A sandbox lays others
/// over files of the host (`/etc/passwd`, a configuration without its log-in); here the host's own are what is there,
/// and they are not touched.
///
/// # Errors
/// The disk's.
pub(crate) fn furnish_host(spec: &Spec) -> io::Result<()> {
    let home = spec.env.get(OsStr::new("HOME")).map(Path::new);
    let own = home.and_then(Path::parent).filter(|own| is_plain(own));
    for mount in &spec.mounts {
        match mount {
            Mount::ReadWrite { source, .. } => private(source)?,
            Mount::File { contents, target } => {
                if own.is_some_and(|own| target.starts_with(own)) && is_plain(target) {
                    target.parent().map_or(Ok(()), private)?;
                    fs::write(target, contents)?;
                }
            }
            Mount::ReadOnly { .. } | Mount::Tmpfs { .. } | Mount::Symlink { .. } => {}
        }
    }
    Ok(())
}

/// An absolute path below some folder, without a way back.
fn is_plain(path: &Path) -> bool {
    let mut parts = path.components();
    parts.next() == Some(Component::RootDir)
        && parts.clone().next().is_some()
        && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// A folder that nobody else can enter, made where it is missing.
fn private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

/// The working trees that runs of a project share, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Trees(Mutex<BTreeMap<ProjectId, Arc<tokio::sync::Mutex<()>>>>);

impl Trees {
    /// Where they are.
    pub(crate) fn folder(data: &Path, project: ProjectId) -> PathBuf {
        data.join("trees").join(project.to_string())
    }

    fn lock(&self, project: ProjectId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry(project).or_default().clone()
    }

    /// The turn of one run; nothing while another one works there.
    pub(crate) fn try_enter(&self, project: ProjectId) -> Option<OwnedMutexGuard<()>> {
        self.lock(project).try_lock_owned().ok()
    }

    /// The same, once it is free.
    pub(crate) async fn enter(&self, project: ProjectId) -> OwnedMutexGuard<()> {
        self.lock(project).lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Counting;

    #[test]
    fn nothing_is_written_on_the_host_but_what_is_the_run_s() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let (run, theirs) = (data.join("run"), data.join("etc/passwd"));
        fs::create_dir_all(data.join("etc")).unwrap();
        fs::write(&theirs, "theirs").unwrap();
        let file = |target: PathBuf| Mount::File {
            contents: b"ours".to_vec(),
            target,
        };
        let mut spec = crate::fakes::spec();
        spec.env.insert("HOME".into(), run.join("home").into());
        spec.mounts = vec![
            file(theirs.clone()),
            file(run.join("things/../../etc/passwd")),
            file(data.join("run-of-another/card")),
            file(run.join("things/card")),
        ];
        furnish_host(&spec).unwrap();
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
        assert!(!data.join("run-of-another").exists());
        assert_eq!(fs::read_to_string(run.join("things/card")).unwrap(), "ours");
        // A home that is in no folder of a run opens nothing.
        spec.env.insert("HOME".into(), "/home".into());
        spec.mounts = vec![file(theirs.clone())];
        furnish_host(&spec).unwrap();
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
    }

    #[test]
    fn ports_of_two_runs_differ_and_are_free_again() {
        let entropy = Counting::default();
        let one = Ports::of_host(&entropy).unwrap();
        let two = Ports::of_host(&entropy).unwrap();
        let all: BTreeSet<u16> = [&one, &two]
            .into_iter()
            .flat_map(|ports| [ports.proxy, ports.model, ports.broker])
            .collect();
        assert_eq!(all.len(), 6);
        assert!(all.iter().all(|port| HOST_PORTS.contains(port)));
        drop((one, two));
        let taken = TAKEN.lock().unwrap();
        assert!(all.iter().all(|port| !taken.contains(port)));
    }

    #[test]
    fn whoever_listens_keeps_the_port() {
        let table =
            "  sl  local_address rem_address   st\n   0: 0100007F:EE98 00000000:0000 0A 00\n";
        let seen = listening(&[Some(table.to_owned()), None]);
        assert_eq!(seen, BTreeSet::from([0xee98]));
        for number in [0, 1, u16::MAX] {
            assert!(HOST_PORTS.contains(&pick(number)));
        }
    }

    #[tokio::test]
    async fn runs_take_turns_in_a_tree() {
        let trees = Trees::default();
        let project = |n: u8| ProjectId::at(chrono::DateTime::UNIX_EPOCH, [n; 10]);
        let held = trees.try_enter(project(1)).unwrap();
        assert!(trees.try_enter(project(1)).is_none());
        assert!(trees.try_enter(project(2)).is_some());
        drop(held);
        drop(trees.enter(project(1)).await);
    }
}
