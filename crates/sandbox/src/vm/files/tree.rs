//! The tree that is served: every place is found from its root, below it, through no link.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

/// The bits of a qid's kind.
const FOLDER: u8 = 0x80;
const LINK: u8 = 0x02;
/// Spreads the numbers of devices over those of files: two trees may number their files alike.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Of one folder; more are not listed, and the guest hears an error.
const MAX_ENTRIES: usize = 1_000_000;

/// A folder and what is below it.
pub(super) struct Tree(OwnedFd);

/// What the protocol calls a qid: the same number, the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Qid {
    pub(super) kind: u8,
    pub(super) version: u32,
    pub(super) path: u64,
}

/// An entry of a folder, by its kind as `readdir` says it.
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: u8,
    pub(super) inode: u64,
}

impl Tree {
    pub(super) fn open(root: &Path) -> std::io::Result<Self> {
        let file = File::open(root)?;
        match file.metadata()?.is_dir() {
            true => Ok(Self(file.into())),
            false => Err(Errno::ENOTDIR.into()),
        }
    }

    /// Opens what is at `path`, below the root, as `flags` say.
    pub(super) fn at(&self, path: &Path, flags: OFlag, mode: Mode) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
            .mode(mode)
            .resolve(
                ResolveFlag::RESOLVE_BENEATH
                    | ResolveFlag::RESOLVE_NO_SYMLINKS
                    | ResolveFlag::RESOLVE_NO_MAGICLINKS,
            );
        let path = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        openat2(&self.0, path, how)
    }

    /// The place itself, a link too; nothing can be read by it.
    pub(super) fn place(&self, path: &Path) -> Result<OwnedFd, Errno> {
        self.at(path, OFlag::O_PATH, Mode::empty())
    }

    /// The folder that `path` is in, and its name there. The root is `.` in itself.
    pub(super) fn parent(&self, path: &Path) -> Result<(OwnedFd, OsString), Errno> {
        let name = path.file_name().unwrap_or(OsStr::new(".")).to_owned();
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok((self.place(folder)?, name))
    }

    /// All that is in a folder, after itself and the one above.
    pub(super) fn list(folder: &File) -> Result<Vec<Entry>, Errno> {
        let own = fstat(folder)?.st_ino;
        let dot = |name: &str| Entry {
            name: name.into(),
            kind: libc_kind(SFlag::S_IFDIR),
            inode: own,
        };
        let mut all = vec![dot("."), dot("..")];
        let entries = std::fs::read_dir(opened(folder)).map_err(|error| errno(&error))?;
        for entry in entries {
            let entry = entry.map_err(|error| errno(&error))?;
            if all.len() >= MAX_ENTRIES {
                return Err(Errno::EOVERFLOW);
            }
            all.push(Entry {
                kind: entry.file_type().map_or(0, |kind| kind_of(&kind)),
                inode: std::os::unix::fs::DirEntryExt::ino(&entry),
                name: entry.file_name(),
            });
        }
        Ok(all)
    }
}

/// A name of what is open, for calls that take none but names.
pub(super) fn opened(open: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()))
}

pub(super) fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(nix::libc::EIO))
}

pub(super) fn qid(found: &FileStat) -> Qid {
    let kind = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT;
    let changed = found.st_mtime.cast_unsigned() ^ found.st_size.cast_unsigned() << 8;
    Qid {
        kind: match kind {
            SFlag::S_IFDIR => FOLDER,
            SFlag::S_IFLNK => LINK,
            _ => 0,
        },
        version: u32::try_from(changed & u64::from(u32::MAX)).unwrap_or(0),
        path: number(found.st_ino, found.st_dev),
    }
}

/// One number for a file on a device.
pub(super) fn number(inode: u64, device: u64) -> u64 {
    inode ^ device.wrapping_mul(SPREAD)
}

/// `DT_…` of readdir(3).
fn libc_kind(kind: SFlag) -> u8 {
    u8::try_from(kind.bits() >> 12).unwrap_or(0)
}

fn kind_of(kind: &std::fs::FileType) -> u8 {
    use std::os::unix::fs::FileTypeExt;
    let all = [
        (kind.is_file(), SFlag::S_IFREG),
        (kind.is_dir(), SFlag::S_IFDIR),
        (kind.is_symlink(), SFlag::S_IFLNK),
        (kind.is_fifo(), SFlag::S_IFIFO),
        (kind.is_socket(), SFlag::S_IFSOCK),
        (kind.is_char_device(), SFlag::S_IFCHR),
        (kind.is_block_device(), SFlag::S_IFBLK),
    ];
    let found = all.into_iter().find(|(is, _)| *is);
    found.map_or(0, |(_, kind)| libc_kind(kind))
}

/// Whether `path` is `above` or lies below it; then what it is called when that one has moved `to`.
pub(super) fn moved(path: &Path, above: &Path, to: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix(above).ok()?;
    Some(match rest.as_os_str().as_bytes() {
        b"" => to.to_owned(),
        _ => to.join(rest),
    })
}
