//! Local files: what the machine's owner keeps beside a repository (`.env.local`, a test's
//! certificate) and wants in its workspaces. Copied in, never back.
//!
//! Both sides may lie: the folder that they come from may hold links, and the workspace holds what a
//! commit says. Neither side's links are followed, and nothing that is there is written over.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use freehold_sandbox::as_owner;

use crate::cache::folder::{Folder, Kind, kind};

/// Most files for one workspace. These are a handful; dependencies come by setup.
pub const FILES_MAX: usize = 200;
/// Most bytes of all of them.
pub const BYTES_MAX: u64 = 16 << 20;

/// What became of local files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laid {
    /// What is in the workspace now, by its path there, in the given order.
    pub copied: Vec<PathBuf>,
    /// What is not, and why.
    pub left: Vec<(PathBuf, &'static str)>,
    /// Of those that are.
    pub bytes: u64,
}

/// Why nothing, or not all of it, was copied.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// More files than [`FILES_MAX`].
    #[error("{found} local files are named; at most {FILES_MAX} are copied: name fewer")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// More bytes than [`BYTES_MAX`].
    #[error("the local files have more than {} MiB with {}: name fewer", BYTES_MAX >> 20, path.display())]
    TooBig {
        /// The one that was too much.
        path: PathBuf,
    },
    /// The disk.
    #[error("the local file {} cannot be copied", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Copies plain files by their paths from one root to another: `paths` are relative, of plain parts.
/// What stops half-way leaves a part: the workspace is of no use then. Blocks.
///
/// # Errors
/// [`LocalError`].
pub fn lay(from: &Path, paths: &[PathBuf], into: &Path) -> Result<Laid, LocalError> {
    if paths.len() > FILES_MAX {
        return Err(LocalError::TooMany { found: paths.len() });
    }
    let source = Folder::open(from).map_err(failed(from))?;
    let target = Folder::open(into).map_err(failed(into))?;
    let us = nix::unistd::geteuid().as_raw();
    let theirs = target.own_stat().map_err(failed(into))?;
    let owner = (us == 0 && theirs.st_uid != us).then_some((theirs.st_uid, theirs.st_gid));
    let all = || {
        let mut laid = Laid::default();
        for path in paths {
            match one(&source, path, &target, owner, &mut laid)? {
                None => laid.copied.push(path.clone()),
                Some(why) => laid.left.push((path.clone(), why)),
            }
        }
        Ok(laid)
    };
    match owner {
        // Root itself makes no files in another's overlay.
        Some(owner) => as_owner(owner, all).map_err(failed(into))?,
        None => all(),
    }
}

/// Copies one; gives why it is left where it is.
fn one(
    source: &Folder,
    path: &Path,
    target: &Folder,
    owner: Option<(u32, u32)>,
    laid: &mut Laid,
) -> Result<Option<&'static str>, LocalError> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(part) if part != ".git");
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(Some("it is no path of a file"));
    };
    if !path.components().all(plain) {
        return Ok(Some("it is no path of a file"));
    }
    let Ok(there) = source.descend(parent, false) else {
        return Ok(Some("a link leads to it"));
    };
    let Some(stat) = there.stat(name).map_err(failed(path))? else {
        return Ok(Some("it is gone"));
    };
    if kind(&stat) != Kind::File {
        return Ok(Some("it is no plain file, or a link"));
    }
    let here = match descend(target, parent, owner) {
        Ok(here) => here,
        // What a commit has in a folder's place.
        Err(error) if is_in_the_way(&error) => {
            return Ok(Some(
                "a file or a link of the repository is in its folder's place",
            ));
        }
        Err(error) => return Err(failed(path)(error)),
    };
    if here.stat(name).map_err(failed(path))?.is_some() {
        return Ok(Some("the repository has it itself"));
    }
    let room = BYTES_MAX.saturating_sub(laid.bytes);
    // Read no further than past the bound, whatever the file's size was said to be.
    let mut reader = there.file(name).map_err(failed(path))?.take(room + 1);
    let mut copy = here.create(name).map_err(failed(path))?;
    let bytes = io::copy(&mut reader, &mut copy).map_err(failed(path))?;
    if bytes > room {
        return Err(LocalError::TooBig {
            path: path.to_owned(),
        });
    }
    let mode = (stat.st_mode & 0o777) | 0o600;
    copy.set_permissions(std::fs::Permissions::from_mode(mode))
        .map_err(failed(path))?;
    own(&here, name, owner).map_err(failed(path))?;
    laid.bytes += bytes;
    Ok(None)
}

fn descend(target: &Folder, parent: &Path, owner: Option<(u32, u32)>) -> io::Result<Folder> {
    let mut folder = target.descend(Path::new(""), false)?;
    for part in parent.components() {
        let name = part.as_os_str();
        folder = match folder.sub(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = folder.make(name, 0o755)?;
                own(&folder, name, owner)?;
                made
            }
            sub => sub?,
        };
    }
    Ok(folder)
}

fn own(folder: &Folder, name: &OsStr, owner: Option<(u32, u32)>) -> io::Result<()> {
    owner.map_or(Ok(()), |owner| folder.own(name, owner))
}

/// A file is no folder, and a link is none either where links are not followed.
fn is_in_the_way(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(code) if code == nix::libc::ENOTDIR || code == nix::libc::ELOOP)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> LocalError {
    let path = path.to_owned();
    |source| LocalError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    struct Two {
        dir: tempfile::TempDir,
    }

    impl Two {
        fn new() -> Self {
            let two = Self {
                dir: tempfile::tempdir().unwrap(),
            };
            for name in ["from", "into", "outside"] {
                fs::create_dir(two.dir.path().join(name)).unwrap();
            }
            two
        }

        fn at(&self, path: &str) -> PathBuf {
            self.dir.path().join(path)
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn lay(&self, paths: &[&str]) -> Result<Laid, LocalError> {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            lay(&self.at("from"), &paths, &self.at("into"))
        }
    }

    #[test]
    fn plain_files_come_and_nothing_is_written_over() {
        let two = Two::new();
        two.write("from/.env", "A=1");
        two.write("from/config/local/key.pem", "key");
        two.write("from/tracked", "theirs");
        two.write("into/tracked", "ours");
        let laid = two
            .lay(&[".env", "config/local/key.pem", "tracked", "gone"])
            .unwrap();
        assert_eq!(
            laid.copied,
            [PathBuf::from(".env"), "config/local/key.pem".into()]
        );
        assert_eq!(laid.bytes, 6);
        assert_eq!(
            fs::read_to_string(two.at("into/config/local/key.pem")).unwrap(),
            "key"
        );
        assert_eq!(fs::read_to_string(two.at("into/tracked")).unwrap(), "ours");
        let why: Vec<&str> = laid.left.iter().map(|(_, why)| *why).collect();
        assert_eq!(why, ["the repository has it itself", "it is gone"]);
    }

    #[test]
    fn no_link_is_followed_on_either_side() {
        let two = Two::new();
        two.write("outside/secret", "secret");
        two.write("from/conf/file", "x");
        symlink(two.at("outside/secret"), two.at("from/link")).unwrap();
        symlink(two.at("outside"), two.at("from/folder")).unwrap();
        // What a hostile commit would have in the place of a folder, and of the file itself.
        symlink(two.at("outside"), two.at("into/conf")).unwrap();
        two.write("from/.env", "A=1");
        symlink(two.at("outside/planted"), two.at("into/.env")).unwrap();
        let laid = two
            .lay(&[
                "link",
                "folder/secret",
                "conf/file",
                ".env",
                "../outside/secret",
                ".git/config",
            ])
            .unwrap();
        assert_eq!(laid.copied, Vec::<PathBuf>::new());
        assert_eq!(laid.left.len(), 6);
        let outside: Vec<_> = fs::read_dir(two.at("outside")).unwrap().collect();
        assert_eq!(outside.len(), 1, "{outside:?}");
    }

    #[test]
    fn count_and_size_are_bounded() {
        let two = Two::new();
        let many: Vec<String> = (0..=FILES_MAX).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(matches!(
            two.lay(&many),
            Err(LocalError::TooMany { found: 201 })
        ));
        let file = fs::File::create(two.at("from/big")).unwrap();
        file.set_len(BYTES_MAX + 1).unwrap();
        let error = two.lay(&["big"]).unwrap_err();
        assert!(
            error.to_string().contains("more than 16 MiB with big"),
            "{error}"
        );
        fs::File::options()
            .write(true)
            .open(two.at("from/big"))
            .unwrap()
            .set_len(BYTES_MAX)
            .unwrap();
        fs::remove_file(two.at("into/big")).unwrap();
        assert_eq!(two.lay(&["big"]).unwrap().bytes, BYTES_MAX);
    }
}
