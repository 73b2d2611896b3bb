//! Workspaces: a folder with the files of a commit that one run works in, and a git directory of
//! its own.
//!
//! Where the kernel lets us mount an overlay, a workspace costs some small files, a copy of an index
//! and a mount, however many files there are; what is written in it is seen in it alone. Where it does
//! not and the file system can share blocks between files, it is a clone of a base: an entry for each
//! file and no data. Elsewhere it is a checkout, as it has always been.

mod base;
mod clone;
mod host;
mod keep;
mod left_out;
mod make;
mod overlay;
mod remove;
mod shape;
pub(crate) mod untracked;

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use host::HostTree;
pub use make::FILES_MAX;
pub(crate) use make::bytes_of;
pub use remove::remove_tree;
pub use shape::{LeftOut, Shape};

use crate::lfs::Filters;
use crate::stage::{alternate, fresh, write};
use crate::walk::{Visit, walk};
use crate::{GitError, Lfs, Oid, Result, Store};
use base::{Base, Kind};
use overlay::Upper;

/// How often a base that was evicted meanwhile is looked for again.
const TRIES: u32 = 3;

/// What a workspace is to be.
#[derive(Clone, Copy, Debug)]
pub struct Workspace<'a> {
    /// Whose files it holds; `None`: none, on an unborn branch.
    pub base: Option<&'a Oid>,
    /// The folder to work in; absent or empty.
    pub work: &'a Path,
    /// Its git directory, to be mounted over `work/.git`; absent or empty.
    pub scratch: &'a Path,
    /// Where the sandbox shows the store's objects.
    pub objects_inside: &'a Path,
    /// Where the sandbox shows `work`.
    pub place: &'a Path,
    /// Which files.
    pub shape: &'a Shape,
    /// The address that its git calls `origin`.
    pub remote: Option<&'a str>,
    /// Whether files in Git LFS are there; `None`: their pointers are.
    pub lfs: Option<Lfs<'a>>,
    /// Whose its files are where it is an overlay; `None`: the caller's. A checkout's are the caller's.
    pub owner: Option<&'a dyn Owner>,
}

/// Another user than the caller, who is root, for the files of an overlay. On the disk they are root's,
/// so that a workspace can be shown again as another user's.
pub trait Owner: std::fmt::Debug + Send + Sync {
    /// Its number.
    fn uid(&self) -> u32;

    /// Mounts an overlay at `at` with `options`, in which whatever root owns below `folders` is this
    /// user's.
    ///
    /// # Errors
    /// It cannot be; then nothing is mounted.
    fn overlay(&self, folders: &[&Path], options: &OsStr, at: &Path) -> io::Result<()>;
}

/// How a workspace came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Laid {
    /// An overlay on a checkout that was there.
    Warm,
    /// An overlay on a checkout that had to be made first.
    Cold,
    /// A clone of a checkout that was there, or had to be made first: no overlay can be mounted, and
    /// the file system shares blocks.
    Clone,
    /// A checkout of its own: neither can be had here.
    Checkout,
}

impl Laid {
    /// A stable word, for events and figures.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warm => "overlay_warm",
            Self::Cold => "overlay_cold",
            Self::Clone => "clone",
            Self::Checkout => "checkout",
        }
    }
}

/// What shapes a scratch git directory.
pub(crate) struct Look<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) remote: Option<&'a str>,
    pub(crate) lfs: Option<Filters>,
}

/// What a store knows about its bases while the program lives.
#[derive(Debug, Default)]
pub(crate) struct Bases {
    /// One base at a time: two runs of a new commit need the same.
    making: tokio::sync::Mutex<()>,
    /// What can be had below the store, for us and for another owner.
    means: [OnceLock<Means>; 2],
}

/// How a workspace gets the files of a base without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    Overlay,
    /// The file system shares blocks between files.
    Clone,
    /// Not at all: each is checked out.
    Nothing,
}

/// Where an overlay's own folders are: beside the workspace, so that no sandbox shows them.
fn layers(work: &Path) -> PathBuf {
    let mut name = work.file_name().unwrap_or_default().to_owned();
    name.push(".layers");
    work.with_file_name(name)
}

impl Store {
    /// Makes a workspace. HEAD is on `freehold/run` at the base; the index matches the files and stays good
    /// when owner, inode or device look different inside a sandbox. Objects are borrowed from the
    /// store. Submodules are empty directories. Files in Git LFS are there where that is
    /// wanted, and their git takes them for the pointers that commits hold; else they stay pointers.
    ///
    /// `work` may be a mount afterwards: remove it by [`release`] and then its folder, with
    /// `<work>.layers` beside it. Once an agent has been in it, the host must never run git there.
    ///
    /// # Errors
    /// [`GitError::NotEmpty`], [`GitError::TooManyFiles`], [`GitError::DiskFull`],
    /// [`GitError::Corrupt`], [`GitError::Io`]; what is there then is half made: remove it.
    pub async fn workspace(&self, wanted: &Workspace<'_>) -> Result<Laid> {
        let look = Look {
            shape: wanted.shape,
            remote: wanted.remote,
            lfs: wanted.lfs.map(|_| Filters::Agent),
        };
        let inside = alternate(wanted.objects_inside)?;
        let work = fresh(wanted.work)?;
        let scratch = fresh(wanted.scratch)?;
        let io = || GitError::io("making the workspace");
        self.lay_out(&scratch, wanted.base, &look)?;
        let Some(at) = wanted.base else {
            write(&scratch.join("objects/info/alternates"), &inside)?;
            std::fs::create_dir(work.join(".git")).map_err(io())?;
            return Ok(Laid::Checkout);
        };
        let laid = match self.means(wanted.owner) {
            Means::Overlay | Means::Clone => {
                let boot = overlay::boot().map_err(GitError::io("reading the boot's name"))?;
                self.lay_on(at, wanted, &work, &scratch, &boot).await?
            }
            Means::Nothing => {
                let hold = self.hold().await?;
                self.check_count(&hold, at, wanted.shape).await?;
                self.borrow(&scratch, &self.objects())?;
                let index = scratch.join("index");
                let objects = match &wanted.lfs {
                    Some(lfs) => Some(self.lfs_objects(&hold, at, wanted.shape, lfs).await?),
                    None => None,
                };
                let host_s = Look {
                    lfs: wanted.lfs.map(|_| Filters::Host),
                    ..look
                };
                self.configure(&scratch, &host_s)?;
                self.check_out_with(&hold, at, &scratch, &work, &index, objects.as_ref())
                    .await?;
                self.configure(&scratch, &look)?;
                self.leave_out(&hold, wanted.shape, &scratch, &work).await?;
                std::fs::create_dir(work.join(".git")).map_err(io())?;
                Laid::Checkout
            }
        };
        write(&scratch.join("objects/info/alternates"), &inside)?;
        Ok(laid)
    }

    /// An overlay on the commit's base, or a clone of it; the base is made when there is none.
    async fn lay_on(
        &self,
        at: &Oid,
        wanted: &Workspace<'_>,
        work: &Path,
        scratch: &Path,
        boot: &str,
    ) -> Result<Laid> {
        let kind = &Kind::from(wanted);
        let hold = self.hold().await?;
        let mut laid = Laid::Warm;
        let mut failure = None;
        let means = self.means(wanted.owner);
        for _ in 0..TRIES {
            let known = self.known_base(at, kind, boot);
            let base = match known {
                Some(base) => base,
                None => {
                    let _one_at_a_time = self.bases.making.lock().await;
                    match self.known_base(at, kind, boot) {
                        Some(base) => base,
                        None => {
                            laid = Laid::Cold;
                            self.make_base(&hold, at, kind, boot).await?
                        }
                    }
                }
            };
            let done = match means {
                Means::Clone => {
                    laid = Laid::Clone;
                    lay_clone(&base, work, scratch).await
                }
                Means::Overlay | Means::Nothing => lay(&base, work, scratch, boot, wanted.owner),
            };
            match done {
                Ok(()) => {
                    base.touch();
                    return Ok(laid);
                }
                // Evicted between the look and the mount, or while it was cloned.
                Err(error) if error.kind() == io::ErrorKind::NotFound => failure = Some(error),
                Err(error) => return Err(GitError::io("mounting the workspace")(error)),
            }
        }
        let gone = || io::ErrorKind::NotFound.into();
        Err(GitError::io("mounting the workspace")(
            failure.unwrap_or_else(gone),
        ))
    }

    /// What can be had here; tried once in the program's life.
    pub(super) fn means(&self, owner: Option<&dyn Owner>) -> Means {
        let which = usize::from(owner.is_some());
        let try_it = || {
            let name = format!("probe-{}-{which}", std::process::id());
            let tried = self.dir().join(name);
            let mounted = try_mount(&tried, owner);
            let cloned = clone::is_possible(&tried);
            let _removed = std::fs::remove_dir_all(&tried);
            match (mounted, cloned) {
                (Ok(()), _) => Means::Overlay,
                (Err(error), Ok(())) => {
                    tracing::info!(%error, "no overlay can be mounted here: each workspace is a clone of a checkout");
                    Means::Clone
                }
                (Err(overlay), Err(clone)) => {
                    tracing::info!(%overlay, %clone, "no overlay can be mounted here and files cannot share blocks: each workspace is a checkout of its own");
                    Means::Nothing
                }
            }
        };
        let [ours, anothers] = &self.bases.means;
        if owner.is_none() {
            return *ours.get_or_init(try_it);
        }
        match *anothers.get_or_init(try_it) {
            // Then a base may be a delta, which is whole in an overlay only.
            Means::Clone if self.means(None) == Means::Overlay => Means::Nothing,
            means => means,
        }
    }
}

fn try_mount(dir: &Path, owner: Option<&dyn Owner>) -> io::Result<()> {
    // Beside each other: a folder whose owners are changed can have no other such folder in it.
    let (lower, shown, above) = (dir.join("lower"), dir.join("shown"), dir.join("above"));
    let upper = Upper::below(&above);
    std::fs::create_dir_all(&lower)?;
    std::fs::create_dir(&shown)?;
    std::fs::create_dir(&above)?;
    upper.create()?;
    std::fs::write(lower.join("there"), b"")?;
    overlay::show(&[lower], &upper, &shown, owner)?;
    // A removal has to be written down above, by whoever mounted it.
    let wrote = std::fs::remove_file(shown.join("there"));
    let is_theirs = has_owner(&shown, owner);
    overlay::hide(&shown)?;
    wrote?;
    match is_theirs? {
        true => Ok(()),
        false => Err(io::Error::other("its files are not the other user's")),
    }
}

/// Whether a workspace is that user's, where there is one.
fn has_owner(work: &Path, owner: Option<&dyn Owner>) -> io::Result<bool> {
    let uid = std::fs::metadata(work)?.uid();
    Ok(uid == owner.map_or_else(|| nix::unistd::geteuid().as_raw(), Owner::uid))
}

/// Copies the index and clones the files.
async fn lay_clone(base: &Base, work: &Path, scratch: &Path) -> io::Result<()> {
    std::fs::copy(base.index(), scratch.join("index"))?;
    let (from, to) = (base.files(), work.to_owned());
    let cloning = tokio::task::spawn_blocking(move || {
        // It is there and empty, or holds what a try before left.
        remove_tree(&to)?;
        clone::clone_tree(&from, &to)?;
        std::fs::create_dir(to.join(".git"))
    });
    cloning.await.map_err(io::Error::other)?
}

/// Copies the index and mounts: the whole of a warm start.
fn lay(
    base: &Base,
    work: &Path,
    scratch: &Path,
    boot: &str,
    owner: Option<&dyn Owner>,
) -> io::Result<()> {
    let layers = layers(work);
    remove_tree(&layers)?;
    std::fs::create_dir(&layers)?;
    let upper = Upper::below(&layers);
    upper.create()?;
    // Where the git directory is shown; no commit can hold such a name.
    std::fs::create_dir(upper.files.join(".git"))?;
    std::fs::copy(base.index(), scratch.join("index"))?;
    let lowers = base.lowers();
    let mut note = format!("{boot}\n").into_bytes();
    for lower in &lowers {
        note.extend_from_slice(lower.as_os_str().as_encoded_bytes());
        note.push(b'\n');
    }
    std::fs::write(layers.join("over"), note)?;
    overlay::show(&lowers, &upper, work, owner)
}

/// Shows a workspace of before again, with all that was written in it; `false` when it is not whole any
/// more (the machine was started anew, its base was evicted): make a new one. An overlay is `owner`'s then,
/// whoever had it before.
///
/// # Errors
/// The mount's.
pub fn reopen(work: &Path, owner: Option<&dyn Owner>) -> io::Result<bool> {
    if !std::fs::symlink_metadata(work).is_ok_and(|meta| meta.is_dir()) {
        return Ok(false);
    }
    let work = work.canonicalize()?;
    let layers = layers(&work);
    let note = match std::fs::read_to_string(layers.join("over")) {
        Ok(note) => note,
        // A checkout of its own has no layers and needs nothing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(!layers.exists());
        }
        Err(error) => return Err(error),
    };
    if overlay::mounted()?.iter().any(|mount| mount.at == work) {
        if has_owner(&work, owner)? {
            return Ok(true);
        }
        overlay::hide(&work)?;
    }
    let mut lines = note.lines();
    if lines.next() != Some(overlay::boot()?.as_str()) {
        return Ok(false);
    }
    let lowers: Vec<PathBuf> = lines.map(PathBuf::from).collect();
    let is_whole = |lower: &PathBuf| {
        lower.is_dir()
            && lower
                .parent()
                .is_some_and(|base| base.join("done").is_file())
    };
    let upper = Upper::below(&layers);
    if lowers.is_empty() || !lowers.iter().all(is_whole) || !upper.files.is_dir() {
        return Ok(false);
    }
    overlay::forgive(&upper)?;
    overlay::show(&lowers, &upper, &work, owner)?;
    Ok(true)
}

/// Looks once at every file of a workspace, so that the kernel knows them all when the first `git
/// status` asks. For a thread of its own, beside other work; ends by itself when the workspace goes.
pub fn look_through(work: &Path) {
    struct Look<'a>(&'a Path, Option<u64>);
    impl Visit for Look<'_> {
        fn entry(&mut self, _: BorrowedFd<'_>, _: &OsStr, meta: &Metadata) -> ControlFlow<()> {
            // Asked at folders alone: another file system stands there once the workspace is hidden.
            match meta.is_dir() && device(self.0) != self.1 {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    walk(work, &mut Look(work, device(work)));
}

fn device(path: &Path) -> Option<u64> {
    std::fs::symlink_metadata(path).ok().map(|meta| meta.dev())
}

/// Unmounts every workspace at or below a folder, so that it can be removed; how many there were. Files stay.
///
/// # Errors
/// The mount table cannot be read, or a mount does not go.
pub fn release(dir: &Path) -> io::Result<usize> {
    let dir = match dir.canonicalize() {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut count = 0;
    // The last first: a mount may stand on another.
    for mount in overlay::mounted()?.iter().rev() {
        if mount.at.starts_with(&dir) {
            overlay::hide(&mount.at)?;
            count += 1;
        }
    }
    Ok(count)
}
