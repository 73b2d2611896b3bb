//! Working trees for programs that nothing keeps apart from the host: nothing is mounted for them.
//!
//! Such a program finds its git directory through a `.git` file, as in a worktree of git's own, but it
//! is a whole one: what is written in it (hooks, configuration) is read by nobody but git inside the
//! tree. What comes back is taken through a second git directory that the program never had
//! ([`Store::stand_in`]).

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::libc;

use super::{Look, Shape};
use crate::lock::Hold;
use crate::stage::{alternate, fresh, write};
use crate::{GitError, Oid, Result, Store};

/// Longest file of one line: a ref's name has some hundred bytes.
const LINE_MAX: u64 = 4096;
/// Longest of the files that are taken as they are. An index has some hundred bytes a file.
const TAKEN_MAX: u64 = 512 << 20;
/// A ref that names a ref that names a ref: git itself follows five.
const LINKS_MAX: usize = 5;

/// What a working tree on the host is to be.
#[derive(Clone, Copy, Debug)]
pub struct HostTree<'a> {
    /// Whose files it holds; `None`: none, on an unborn branch.
    pub base: Option<&'a Oid>,
    /// The folder to work in.
    pub work: &'a Path,
    /// Its git directory; absent or empty.
    pub git_dir: &'a Path,
    /// Which files.
    pub shape: &'a Shape,
    /// The address that its git calls `origin`.
    pub remote: Option<&'a str>,
    /// A folder beside `work` that keeps what is known of its files, where others have worked in
    /// `work` before and what git ignores is to stay. `None`: `work` is absent or empty.
    pub shared: Option<&'a Path>,
}

impl HostTree<'_> {
    /// Where the index of the last check-out is kept. Another shape has another one: it says which
    /// files are meant to be missing.
    fn known(&self) -> Option<PathBuf> {
        let mut hasher = DefaultHasher::new();
        self.shape.line().hash(&mut hasher);
        let name = format!("checked-out-{:016x}", hasher.finish());
        self.shared.map(|folder| folder.join(name))
    }
}

impl Store {
    /// Fills a working tree. HEAD is on `freehold/run` at the base; objects are borrowed from the store.
    /// In a shared tree every tracked file is as the base has it afterwards, and what is neither
    /// tracked nor ignored is gone. Submodules are empty directories, LFS files stay pointers.
    ///
    /// Once an agent has been in it, the host must never run git on `git_dir`.
    ///
    /// # Errors
    /// As [`Store::workspace`]; what is there then is half made: remove it, or share it again.
    pub async fn host_tree(&self, wanted: &HostTree<'_>) -> Result<()> {
        let io = || GitError::io("making the working tree");
        let look = Look {
            shape: wanted.shape,
            remote: wanted.remote,
            lfs: None,
        };
        // Its path is a line of a file.
        let pointer = alternate(wanted.git_dir)?;
        let git_dir = fresh(wanted.git_dir)?;
        let work = match wanted.shared {
            None => fresh(wanted.work)?,
            Some(_) => {
                // A link in its place would lead the check-out, and the removal of what is not tracked,
                // to wherever the one who laid it likes.
                if !std::fs::symlink_metadata(wanted.work).is_ok_and(|meta| meta.is_dir()) {
                    remove_any(wanted.work).map_err(io())?;
                }
                std::fs::create_dir_all(wanted.work).map_err(io())?;
                remove_any(&wanted.work.join(".git")).map_err(io())?;
                wanted.work.canonicalize().map_err(io())?
            }
        };
        self.lay_out(&git_dir, wanted.base, &look)?;
        self.borrow(&git_dir, &self.objects())?;
        let hold = self.hold().await?;
        let index = git_dir.join("index");
        let known = wanted.known();
        let is_known = known
            .as_deref()
            .is_some_and(|known| copy(known, &index).unwrap_or(false));
        if let Some(at) = wanted.base {
            self.check_count(&hold, at, wanted.shape).await?;
            let done = self.check_out(&hold, at, &git_dir, &work, &index).await;
            if done.is_err() && is_known {
                // Half written by whoever was ended there: without it the files are read anew.
                std::fs::remove_file(&index).map_err(io())?;
                self.check_out(&hold, at, &git_dir, &work, &index).await?;
            } else {
                done?;
            }
            if let Some(known) = &known {
                keep(&index, known).map_err(io())?;
            }
        } else {
            let _absent = std::fs::remove_file(&index);
        }
        if wanted.shared.is_some() {
            self.clean(&hold, &git_dir, &work).await?;
        }
        if wanted.base.is_some() {
            self.leave_out(&hold, wanted.shape, &git_dir, &work).await?;
        }
        write(&work.join(".git"), &format!("gitdir: {pointer}"))
    }

    /// Removes what is neither tracked nor ignored.
    async fn clean(&self, hold: &Hold, git_dir: &Path, work: &Path) -> Result<()> {
        let call = self.call(hold, "cleaning the working tree", ["clean", "-ffdq"])?;
        let call = call
            .env("GIT_DIR", git_dir)
            .env("GIT_WORK_TREE", work)
            .env("GIT_INDEX_FILE", git_dir.join("index"))
            .cwd(work);
        self.done(call).await.map(drop)
    }

    /// Makes a second git directory for a tree in which an agent has worked, to commit what it left:
    /// HEAD is where the agent's is, configuration, hooks and attributes are ours. Of the agent's git
    /// directory nothing is taken but data: a commit's name, the index, patterns of ignored files, the
    /// parents of a merge that is under way; its objects are borrowed.
    ///
    /// # Errors
    /// [`GitError::Io`] where what is there cannot be read.
    pub fn stand_in(&self, theirs: &Path, ours: &Path, shape: &Shape) -> Result<()> {
        let io = || GitError::io("reading what the agent left");
        let objects = theirs.join("objects");
        if !std::fs::symlink_metadata(&objects).is_ok_and(|meta| meta.is_dir()) {
            return Err(io()(io::ErrorKind::NotFound.into()));
        }
        let ours = fresh(ours)?;
        let head = head(theirs).map_err(io())?;
        let look = Look {
            shape,
            remote: None,
            lfs: None,
        };
        self.lay_out(&ours, head.as_ref(), &look)?;
        let borrowed = alternate(&objects)? + &alternate(&self.objects())?;
        write(&ours.join("objects/info/alternates"), &borrowed)?;
        for name in ["index", "info/exclude"] {
            copy(&theirs.join(name), &ours.join(name)).map_err(io())?;
        }
        if let Some(merged) = line(&theirs.join("MERGE_HEAD")).map_err(io())? {
            let parents: Result<Vec<Oid>> = merged.lines().map(Oid::parse).collect();
            let parents: String = parents?.iter().map(|oid| format!("{oid}\n")).collect();
            write(&ours.join("MERGE_HEAD"), &parents)?;
        }
        Ok(())
    }
}

/// Whatever stands there; a link goes, and not what it leads to.
fn remove_any(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
    }
}

/// Keeps the index of a check-out for the next, before any program has been in the tree: one that a
/// program could write to says of changed files that they are not to be looked at.
fn keep(index: &Path, known: &Path) -> io::Result<()> {
    let fresh = known.with_extension("new");
    remove_any(&fresh)?;
    copy(index, &fresh)?;
    std::fs::rename(fresh, known)
}

/// Copies a plain file with its time, if it is there. By an index's time git knows which files may
/// have changed in the second in which it was written: a younger one would hide those.
fn copy(from: &Path, to: &Path) -> io::Result<bool> {
    let Some((bytes, modified)) = read(from, TAKEN_MAX)? else {
        return Ok(false);
    };
    let mut file = File::create(to)?;
    file.write_all(&bytes)?;
    file.set_modified(modified)?;
    Ok(true)
}

/// A plain file up to `most` bytes, and when it was changed; nothing where there is none. Never waits
/// for a writer and follows no link.
fn read(path: &Path, most: u64) -> io::Result<Option<(Vec<u8>, SystemTime)>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(Some((bytes, meta.modified()?))),
    }
}

fn line(path: &Path) -> io::Result<Option<String>> {
    let found = read(path, LINE_MAX)?;
    let text = found.map(|(bytes, _)| String::from_utf8(bytes)).transpose();
    text.map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Where a git directory's HEAD is, by its files alone; nothing on a branch without a commit.
fn head(git_dir: &Path) -> io::Result<Option<Oid>> {
    let mut name = "HEAD".to_owned();
    for _ in 0..LINKS_MAX {
        let Some(text) = line(&git_dir.join(&name))? else {
            // No file of that name. HEAD itself is always one.
            return match name == "HEAD" {
                true => Err(io::ErrorKind::NotFound.into()),
                false => packed(git_dir, &name),
            };
        };
        match text.trim_end().strip_prefix("ref:") {
            Some(next) if is_ref(next.trim()) => name = next.trim().to_owned(),
            Some(_) => return Err(io::ErrorKind::InvalidData.into()),
            None => return oid(text.trim_end()).map(Some),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn packed(git_dir: &Path, name: &str) -> io::Result<Option<Oid>> {
    let Some((bytes, _)) = read(&git_dir.join("packed-refs"), TAKEN_MAX)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let found = text
        .lines()
        .find_map(|line| line.strip_suffix(name)?.strip_suffix(' '));
    found.map(oid).transpose()
}

fn oid(text: &str) -> io::Result<Oid> {
    Oid::parse(text).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// A name below `refs/` that leads nowhere else.
fn is_ref(name: &str) -> bool {
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    name.starts_with("refs/") && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git_dir(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn a_head_is_read_without_git() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let head_of = |files: &[(&str, &str)]| {
            head(git_dir(files).path()).map(|oid| oid.map(|oid| oid.to_string()))
        };
        let on = ("HEAD", "ref: refs/heads/a\n");
        assert_eq!(head_of(&[("HEAD", &one)]).unwrap(), Some(one.clone()));
        assert_eq!(head_of(&[on]).unwrap(), None, "unborn");
        let packed = format!("# pack-refs with: peeled\n{two} refs/heads/xa\n{one} refs/heads/a\n");
        let packed = ("packed-refs", packed.as_str());
        assert_eq!(head_of(&[on, packed]).unwrap(), Some(one.clone()));
        let loose = ("refs/heads/a", two.as_str());
        assert_eq!(head_of(&[on, packed, loose]).unwrap(), Some(two));
        for bad in [
            "",
            "ref: ../x\n",
            "ref: refs/../../x\n",
            "no oid",
            "ref: HEAD\n",
        ] {
            assert!(head_of(&[("HEAD", bad)]).is_err(), "{bad:?}");
        }
        assert!(head_of(&[]).is_err());
        let round = ("refs/heads/a", "ref: refs/heads/a\n");
        assert!(head_of(&[on, round]).is_err());
    }

    #[test]
    fn what_is_no_plain_file_is_not_read() {
        let dir = git_dir(&[("file", "text")]);
        let at = |name: &str| dir.path().join(name);
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&at("file"), 4).unwrap().unwrap().0, b"text");
        assert!(read(&at("file"), 3).is_err());
        assert!(read(&at("link"), 9).is_err());
        assert!(read(&at("pipe"), 9).is_err());
        assert!(read(&at("none"), 9).unwrap().is_none());
    }
}
