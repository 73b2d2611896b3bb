//! What a run keeps on the disk, measured while it works.
//!
//! The kernel bounds one file and one file system, not one folder; so folders are walked, off the
//! threads that serve others. A walk ends at the limit: nobody can make it longer than that. It is
//! repeated the less often the longer it takes. Files that have no name any more are found where they
//! are open ([`unlinked`]).

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::ops::ControlFlow;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use freehold_git::walk::{Visit, peek, walk};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::together::Share;
use super::{Reached, unlinked};

/// The shortest and the longest pause between two walks.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));
/// A walk may take one part in so many of the time.
const SHARE: u32 = 20;
/// A file with several names is counted once; past so many of them, each name counts.
const LINKED_MAX: usize = 1_000_000;
/// stat(2) counts in these, whatever the file system.
const BLOCK: u64 = 512;

/// Bytes that others than root may still write where `path` is.
pub(crate) fn free(path: &Path) -> Option<u64> {
    let found = nix::sys::statvfs::statvfs(path).ok()?;
    Some(
        found
            .blocks_available()
            .saturating_mul(found.fragment_size()),
    )
}

/// What folders hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

/// The most that may be held; none is without bound.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Most {
    pub(crate) bytes: Option<u64>,
    pub(crate) files: Option<u64>,
}

impl Most {
    pub(crate) fn is_over(self, held: Held) -> bool {
        self.bytes.is_some_and(|most| held.bytes > most)
            || self.files.is_some_and(|most| held.files > most)
    }

    fn or_less(self, other: Self) -> Self {
        let less = |one: Option<u64>, other| one.into_iter().chain(other).min();
        Self {
            bytes: less(self.bytes, other.bytes),
            files: less(self.files, other.files),
        }
    }
}

/// Measures until it is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    peak: Arc<Peak>,
    share: Option<Arc<Share>>,
    _end: DropGuard,
}

#[derive(Debug, Default)]
struct Peak {
    bytes: AtomicU64,
    files: AtomicU64,
    measured: AtomicBool,
}

impl Disk {
    /// Watches these places; cancels `over` when they hold more than `most`. Tells `share` what they
    /// hold.
    pub(crate) fn watch(
        places: Places,
        most: Most,
        share: Option<Share>,
        over: CancellationToken,
    ) -> Self {
        let share = share.map(Arc::new);
        let all = share.clone();
        let enough = all
            .as_ref()
            .map_or(most, |share| most.or_less(share.most()));
        let end = CancellationToken::new();
        let peak = Arc::new(Peak::default());
        let (told, ended) = (peak.clone(), end.clone());
        tokio::spawn(async move {
            loop {
                let began = Instant::now();
                let (places, until) = (places.clone(), ended.clone());
                let walk = tokio::task::spawn_blocking(move || measure(&places, enough, &until));
                let Ok(Some(held)) = walk.await else { return };
                told.keep(held);
                if let Some(share) = &all {
                    share.tell(held);
                }
                if most.is_over(held) {
                    over.cancel();
                    return;
                }
                let pause = (began.elapsed() * SHARE).clamp(PAUSE.0, PAUSE.1);
                tokio::select! {
                    () = sleep(pause) => {}
                    () = ended.cancelled() => return,
                }
            }
        });
        Self {
            peak,
            share,
            _end: end.drop_guard(),
        }
    }

    /// Why it is to end for what all runs keep together, if it is.
    pub(crate) fn reached_together(&self) -> Option<Reached> {
        self.share.as_ref()?.reached()
    }

    /// The most that was seen; none where nothing was measured in time.
    pub(crate) fn peak(&self) -> Option<Held> {
        self.peak.measured.load(Ordering::Acquire).then(|| Held {
            bytes: self.peak.bytes.load(Ordering::Relaxed),
            files: self.peak.files.load(Ordering::Relaxed),
        })
    }
}

impl Peak {
    fn keep(&self, held: Held) {
        self.bytes.fetch_max(held.bytes, Ordering::Relaxed);
        self.files.fetch_max(held.files, Ordering::Relaxed);
        self.measured.store(true, Ordering::Release);
    }
}

/// What is measured: folders, and what the processes below one have open and nobody can name.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) folders: Vec<PathBuf>,
    /// The first of the processes; none has any.
    pub(crate) process: Option<u32>,
}

/// Bytes in a folder. Blocks.
pub(crate) fn held_in(dir: &Path) -> u64 {
    let places = Places {
        folders: vec![dir.to_owned()],
        process: None,
    };
    let held = measure(&places, Most::default(), &CancellationToken::new());
    held.map_or(0, |held| held.bytes)
}

/// Goes through the places until it is over the bound; none when it was told to end. What vanishes
/// meanwhile is not there.
fn measure(places: &Places, most: Most, end: &CancellationToken) -> Option<Held> {
    let mut count = Count {
        held: Held::default(),
        linked: HashSet::new(),
        most,
        end,
    };
    for folder in &places.folders {
        if !walk(folder, &mut count) {
            break;
        }
    }
    let mut held = count.held;
    if let Some(process) = places.process
        && !most.is_over(held)
        && !end.is_cancelled()
    {
        let open = unlinked::held_below(process);
        held.bytes = held.bytes.saturating_add(open.bytes);
        held.files += open.files;
    }
    (!end.is_cancelled()).then_some(held)
}

struct Count<'a> {
    held: Held,
    /// Files of several names that were counted.
    linked: HashSet<(u64, u64)>,
    most: Most,
    end: &'a CancellationToken,
}

impl Visit for Count<'_> {
    fn entry(&mut self, _: BorrowedFd<'_>, _: &OsStr, meta: &Metadata) -> ControlFlow<()> {
        let named = meta.nlink() > 1 && !meta.is_dir() && self.linked.len() < LINKED_MAX;
        if named && !self.linked.insert((meta.dev(), meta.ino())) {
            return ControlFlow::Continue(());
        }
        let bytes = meta.blocks().saturating_mul(BLOCK);
        self.held.files += 1;
        self.held.bytes = self.held.bytes.saturating_add(bytes);
        match self.most.is_over(self.held) || self.end.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn shut(&mut self, folder: BorrowedFd<'_>, name: &OsStr) -> Option<OwnedFd> {
        // Else a run hides what it keeps by taking its own right to read it away.
        peek(folder, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn only(dir: &Path) -> Places {
        Places {
            folders: vec![dir.to_owned()],
            process: None,
        }
    }

    fn all(dir: &Path, most: Most) -> Held {
        measure(&only(dir), most, &CancellationToken::new()).unwrap()
    }

    #[test]
    fn folders_are_measured_once_for_each_file_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        fs::create_dir_all(path.join("a/b")).unwrap();
        fs::write(path.join("a/b/c"), vec![1; 100_000]).unwrap();
        fs::hard_link(path.join("a/b/c"), path.join("again")).unwrap();
        std::os::unix::fs::symlink("/", path.join("root")).unwrap();
        std::os::unix::fs::symlink("..", path.join("a/up")).unwrap();
        let held = all(path, Most::default());
        assert_eq!(
            held.files, 5,
            "two folders, one file of two names, two links"
        );
        assert!((100_000..200_000).contains(&held.bytes), "{held:?}");
        // A file with a hole holds what it holds.
        fs::File::create(path.join("sparse"))
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        assert!(all(path, Most::default()).bytes < 200_000);
    }

    #[test]
    fn a_walk_ends_at_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..500 {
            fs::write(dir.path().join(n.to_string()), [0; 5000]).unwrap();
        }
        let files = all(
            dir.path(),
            Most {
                files: Some(100),
                bytes: None,
            },
        );
        assert_eq!(files.files, 101);
        let bytes = all(
            dir.path(),
            Most {
                bytes: Some(1_000_000),
                files: None,
            },
        );
        assert!(bytes.bytes > 1_000_000 && bytes.files < 200, "{bytes:?}");
        let ended = CancellationToken::new();
        ended.cancel();
        assert_eq!(measure(&only(dir.path()), Most::default(), &ended), None);
    }

    #[tokio::test]
    async fn what_grows_over_the_bound_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let over = CancellationToken::new();
        let most = Most {
            bytes: Some(1 << 20),
            files: None,
        };
        let disk = Disk::watch(only(dir.path()), most, None, over.clone());
        fs::write(dir.path().join("a"), vec![1; 2 << 20]).unwrap();
        let told = tokio::time::timeout(Duration::from_secs(20), over.cancelled()).await;
        told.unwrap();
        assert!(disk.peak().unwrap().bytes > 1 << 20);
    }

    #[test]
    fn what_no_path_reaches_is_counted_and_what_is_shut_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut at = dir.path().to_owned();
        let name = "n".repeat(200);
        for _ in 0..15 {
            at.push(&name);
        }
        fs::create_dir_all(&at).unwrap();
        fs::write(at.join("file"), vec![1; 100_000]).unwrap();
        // What lies at the end of 3 kB of a path is put below another 3 kB.
        let mut above = dir.path().join("above");
        for _ in 0..15 {
            above.push(&name);
        }
        fs::create_dir_all(&above).unwrap();
        fs::rename(dir.path().join(&name), above.join("here")).unwrap();
        let held = all(dir.path(), Most::default());
        assert_eq!(held.files, 32);
        assert!(held.bytes >= 100_000, "{held:?}");
        let shut = fs::Permissions::from_mode(0o000);
        // The top one too: names can still be made in a folder that may not be read.
        for shut_one in [&above, &dir.path().to_owned()] {
            fs::set_permissions(shut_one, shut.clone()).unwrap();
            assert_eq!(all(dir.path(), Most::default()).files, 32);
            // A run that meant it so finds it so.
            assert_eq!(shut_one.metadata().unwrap().permissions().mode() & 0o777, 0);
            fs::set_permissions(shut_one, fs::Permissions::from_mode(0o700)).unwrap();
        }
    }
}
