//! An image's files from a tar stream into a folder, as strictly as can be: whoever made the image
//! made the stream.
//!
//! Every part of a path is opened below the folder without following a link, so that no order of
//! links and files leads out. Devices and pipes are left out, owners and `setuid` bits too: all
//! belongs to the user who unpacks.

use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};
use tar::{Archive, Entry, EntryType};

use super::layers::{self, Brought, Name};
use super::metered::metered;

/// The largest images that are in use have some hundred thousand files.
pub(super) const MAX_ENTRIES: usize = 2_000_000;
/// And some ten gigabytes.
pub(super) const MAX_BYTES: u64 = 64 << 30;
/// What an entry takes of a stream beside its contents: a header, one for a long name, that name,
/// attributes, and what fills the last block up.
const BLOCKS_MAX: u64 = 16 << 10;
/// Of a path, in bytes: what the kernel takes.
pub(super) const MAX_PATH: usize = 4096;
/// Parts of a path.
const MAX_DEPTH: usize = 256;

/// Unpacks `stream` into `folder`, which exists and is empty, within bounds. After an error what is
/// there is of no use.
pub(crate) fn within(
    stream: impl Read,
    folder: &Path,
    entries: usize,
    bytes: u64,
) -> io::Result<()> {
    Unpacker::new(folder, entries, bytes)?.take(stream, None)
}

/// Unpacks streams into one folder, within bounds for all of them together.
pub(crate) struct Unpacker {
    root: OwnedFd,
    entries: usize,
    bytes: u64,
}

impl Unpacker {
    pub(crate) fn new(folder: &Path, entries: usize, bytes: u64) -> io::Result<Self> {
        Ok(Self {
            root: openat(AT_FDCWD, folder, WALK, Mode::empty())?,
            entries,
            bytes,
        })
    }

    /// How long a stream can be that is within the bounds: contents, and for each entry its own
    /// block, one that is filled up, and a name of its own.
    pub(super) fn bound(&self) -> u64 {
        let blocks = (self.entries as u64 + 2).saturating_mul(BLOCKS_MAX);
        self.bytes.saturating_add(blocks)
    }

    /// Unpacks a layer over those before.
    pub(crate) fn layer(&mut self, stream: impl Read) -> io::Result<()> {
        self.take(stream, Some(Brought::new(layers::MAX_PATHS)))
    }

    fn take(&mut self, stream: impl Read, mut layer: Option<Brought>) -> io::Result<()> {
        let (stream, meter) = metered(stream);
        let mut archive = Archive::new(stream);
        let mut entries = archive.entries()?;
        while let Some(entry) = meter.between(|| entries.next()) {
            let mut entry = entry?;
            let path = plain(&entry.path()?)?;
            self.count(&path)?;
            // Whatever it is: a stream may say of a folder, too, that it has contents.
            self.bytes = self
                .bytes
                .checked_sub(entry.size())
                .ok_or_else(|| refused("it is too large", &path))?;
            self.one(&mut entry, &path, layer.as_mut())?;
            // The search for the next entry is bounded: it begins where this one ends.
            io::copy(&mut entry, &mut io::sink())?;
        }
        Ok(())
    }

    /// Takes one file or folder, which the path names, off the bound.
    fn count(&mut self, path: &Path) -> io::Result<()> {
        self.entries = self
            .entries
            .checked_sub(1)
            .ok_or_else(|| refused("it has too many files", path))?;
        Ok(())
    }

    /// Does what one entry says.
    fn one(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        path: &Path,
        layer: Option<&mut Brought>,
    ) -> io::Result<()> {
        if path.as_os_str().is_empty() {
            return Ok(());
        }
        let (at, name) = self.parent(path)?;
        if let Some(brought) = layer {
            match layers::name(name.as_os_str()) {
                Name::File => brought.add(path)?,
                Name::Nothing => return Ok(()),
                Name::Gone(gone) => {
                    let gone = Path::new(gone);
                    return brought.take_away(&at, gone, &path.with_file_name(gone));
                }
                Name::AllGone => {
                    let folder = path.parent().unwrap_or(Path::new(""));
                    return brought.empty(&at, Path::new("."), folder);
                }
            }
            make_way(&at, name, entry.header().entry_type())?;
        }
        self.put(entry, &at, name, path)
    }

    /// Makes one entry.
    fn put(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        at: &OwnedFd,
        name: &Path,
        path: &Path,
    ) -> io::Result<()> {
        let mode = entry.header().mode()? & 0o777;
        match entry.header().entry_type() {
            EntryType::Directory => {
                make_folder(at, name)?;
                let made: File = openat(at, name, FOLDER, Mode::empty())?.into();
                // Open for the user who unpacks, or nothing could be put into it or removed.
                made.set_permissions(Permissions::from_mode(mode | 0o700))?;
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let size = entry.size();
                replace(at, name)?;
                let mut file: File = openat(at, name, NEW, Mode::from_bits_truncate(0o600))?.into();
                if io::copy(entry, &mut file)? != size {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                file.set_permissions(Permissions::from_mode(mode | 0o400))?;
            }
            EntryType::Symlink => {
                let to = entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?;
                replace(at, name)?;
                symlinkat(to.as_ref(), at, name)?;
            }
            EntryType::Link => {
                let to = plain(&entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?)?;
                let (from, original) = self.parent(&to)?;
                // A name for itself is there already.
                if to != path {
                    replace(at, name)?;
                    linkat(&from, original, at, name, AtFlags::empty())?;
                }
            }
            // Devices and pipes.
            _ => {}
        }
        Ok(())
    }

    /// The folder that a path lies in, and the name in it. Folders that are missing are made, each of
    /// which counts as a file: one entry can name hundreds.
    fn parent<'a>(&mut self, path: &'a Path) -> io::Result<(OwnedFd, &'a Path)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidData)?;
        let mut at = self.root.as_fd().try_clone_to_owned()?;
        for part in path.parent().into_iter().flat_map(Path::components) {
            let part = Path::new(&part);
            if make_folder(&at, part)? {
                self.count(path)?;
            }
            at = openat(&at, part, WALK, Mode::empty())
                .map_err(|_| refused("a link or a file is on the way", path))?;
        }
        Ok((at, Path::new(name)))
    }
}

/// What an upper layer brings takes the place of another kind of thing.
fn make_way(at: &OwnedFd, name: &Path, kind: EntryType) -> io::Result<()> {
    if kind != EntryType::Directory {
        return layers::remove(at, name);
    }
    match openat(at, name, WALK, Mode::empty()) {
        Ok(_) => Ok(()),
        Err(Errno::ENOENT) => Ok(()),
        Err(_) => layers::remove(at, name),
    }
}

const WALK: OFlag = OFlag::O_PATH
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);
pub(super) const FOLDER: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);
const NEW: OFlag = OFlag::O_WRONLY
    .union(OFlag::O_CREAT)
    .union(OFlag::O_EXCL)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// A path of the stream below the folder: without `.` and a first `/`; `..` is refused.
fn plain(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().len() > MAX_PATH {
        // Not said: it may be long.
        return Err(io::Error::other("a path is too long"));
    }
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(refused("a path leads upwards", path));
            }
        }
    }
    if plain.components().count() > MAX_DEPTH {
        return Err(refused("a path is too deep", path));
    }
    Ok(plain)
}

/// Whether it was not there.
fn make_folder(at: &OwnedFd, name: &Path) -> io::Result<bool> {
    match mkdirat(at, name, Mode::from_bits_truncate(0o755)) {
        Ok(()) => Ok(true),
        Err(Errno::EEXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes room for what a later entry says of the same path. A folder is not replaced.
fn replace(at: &OwnedFd, name: &Path) -> io::Result<()> {
    match unlinkat(at, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn refused(why: &str, path: &Path) -> io::Error {
    io::Error::other(format!("{why}: {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tar::{Builder, Header};

    use super::*;

    /// A stream of these: kind, path, and contents or target.
    fn stream(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
        let mut made = Builder::new(Vec::new());
        for (kind, path, text) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o4755);
            // Written into the header itself: the library refuses hostile paths when writing.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            let linked = matches!(kind, EntryType::Symlink | EntryType::Link);
            if linked {
                header.as_mut_bytes()[157..157 + text.len()].copy_from_slice(text.as_bytes());
            }
            let text = if linked { "" } else { text };
            header.set_size(text.len() as u64);
            header.set_cksum();
            made.append(&header, text.as_bytes()).unwrap();
        }
        made.into_inner().unwrap()
    }

    #[test]
    fn an_ordinary_image_is_unpacked_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let image = stream(&[
            (EntryType::Directory, "./etc/", ""),
            (EntryType::Regular, "/etc/name", "first"),
            (EntryType::Regular, "etc/name", "second"),
            (EntryType::Symlink, "bin", "usr/bin"),
            (EntryType::Regular, "usr/bin/tool", "tool"),
            (EntryType::Link, "usr/bin/same", "usr/bin/tool"),
            (EntryType::Symlink, "out", "/etc/passwd"),
            (EntryType::Char, "dev/null", ""),
            (EntryType::Fifo, "pipe", ""),
        ]);
        within(image.as_slice(), folder.path(), 100, 100).unwrap();
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
        assert_eq!(
            (read("etc/name"), read("bin/tool"), read("usr/bin/same")),
            ("second".into(), "tool".into(), "tool".into())
        );
        let mode = fs::metadata(folder.path().join("usr/bin/tool")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o7777, 0o755, "no setuid");
        assert!(folder.path().join("out").is_symlink());
        assert!(!folder.path().join("dev/null").exists() && !folder.path().join("pipe").exists());
    }

    #[test]
    fn no_stream_leads_out_of_the_folder() {
        let regular = EntryType::Regular;
        let hostile: [&[(EntryType, &str, &str)]; 6] = [
            &[(regular, "../victim", "x")],
            &[(regular, "a/../../victim", "x")],
            &[(EntryType::Symlink, "a", ".."), (regular, "a/victim", "x")],
            &[
                (EntryType::Symlink, "a", ".."),
                (EntryType::Directory, "a/victim", ""),
            ],
            &[(EntryType::Link, "a", "../secret")],
            &[
                (EntryType::Symlink, "a", ".."),
                (EntryType::Link, "b", "a/secret"),
            ],
        ];
        for entries in hostile {
            let base = tempfile::tempdir().unwrap();
            fs::write(base.path().join("secret"), "canary").unwrap();
            let folder = base.path().join("folder");
            fs::create_dir(&folder).unwrap();
            assert!(
                within(stream(entries).as_slice(), &folder, 100, 100).is_err(),
                "{entries:?}"
            );
            assert_eq!(fs::read_dir(base.path()).unwrap().count(), 2, "{entries:?}");
        }
        // A link over a file that is then written again: the link is replaced, not followed.
        let base = tempfile::tempdir().unwrap();
        let victim = base.path().join("victim");
        fs::write(&victim, "canary").unwrap();
        let folder = base.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let image = stream(&[
            (EntryType::Symlink, "a", "../victim"),
            (regular, "a", "written"),
        ]);
        within(image.as_slice(), &folder, 100, 100).unwrap();
        assert_eq!(fs::read_to_string(victim).unwrap(), "canary");
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "written");
    }

    /// Why a stream was refused, and what was read of it.
    fn refusal(stream: impl Read) -> (String, u64) {
        let folder = tempfile::tempdir().unwrap();
        let mut read = Counted {
            from: stream,
            read: 0,
        };
        let why = within(&mut read, folder.path(), 100, 1 << 20).unwrap_err();
        (why.to_string(), read.read)
    }

    struct Counted<R> {
        from: R,
        read: u64,
    }

    impl<R: Read> Read for Counted<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.from.read(buffer)?;
            self.read += read as u64;
            Ok(read)
        }
    }

    #[test]
    fn what_describes_a_file_is_not_read_without_end() {
        let long = 64 << 20;
        for kind in [
            EntryType::GNULongName,
            EntryType::GNULongLink,
            EntryType::XHeader,
        ] {
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(long);
            header.set_cksum();
            let (why, read) = refusal(header.as_bytes().chain(io::repeat(b'a').take(long)));
            assert!(why.contains("describes a file is too long"), "{why}");
            assert!(read < 2 << 20, "{read} bytes were read");
        }
        // The map of a sparse file, each block of which says that another follows.
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNUSparse);
        header.set_size(0);
        header.as_gnu_mut().unwrap().set_is_extended(true);
        header.set_cksum();
        let mut block = [0; 512];
        block[504] = 1;
        let map = block.repeat(16 << 10);
        let (why, read) = refusal(header.as_bytes().chain(map.as_slice()));
        assert!(why.contains("describes a file is too long"), "{why}");
        assert!(read < 2 << 20, "{read} bytes were read");
    }

    #[test]
    fn contents_count_whatever_has_them() {
        let three = "x".repeat(3 << 20);
        let image = stream(&[
            (EntryType::Fifo, "pipe", &three),
            (EntryType::Regular, "a", "1"),
        ]);
        let tried = |bytes| {
            let folder = tempfile::tempdir().unwrap();
            within(image.as_slice(), folder.path(), 2, bytes)
        };
        tried((3 << 20) + 1).unwrap();
        let why = tried(3 << 20).unwrap_err().to_string();
        assert!(why.contains("it is too large"), "{why}");
        let why = tried((3 << 20) - 1).unwrap_err().to_string();
        assert!(why.contains("it is too large: pipe"), "{why}");
    }

    #[test]
    fn folders_on_the_way_count_and_paths_end() {
        let tried = |image: &[u8], entries| {
            let folder = tempfile::tempdir().unwrap();
            within(image, folder.path(), entries, 10).map_err(|why| why.to_string())
        };
        let image = stream(&[
            (EntryType::Regular, "a/b/c", "1"),
            (EntryType::Regular, "a/b/d", "1"),
        ]);
        assert_eq!(tried(&image, 4), Ok(()));
        let why = tried(&image, 3).unwrap_err();
        assert!(why.contains("it has too many files"), "{why}");

        let named = |path: &str| {
            let mut made = Builder::new(Vec::new());
            let mut header = Header::new_gnu();
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            header.set_size(0);
            made.append_data(&mut header, path, io::empty()).unwrap();
            made.into_inner().unwrap()
        };
        let part = "a".repeat(199) + "/";
        assert_eq!(tried(&named(&part.repeat(20)), 20), Ok(()));
        assert_eq!(
            tried(&named(&part.repeat(21)), 21),
            Err("a path is too long".to_owned())
        );
    }

    #[test]
    fn bounds_and_cuts_are_errors() {
        let image = stream(&[
            (EntryType::Regular, "a", "12345"),
            (EntryType::Regular, "b", "12345"),
        ]);
        let tried = |image: &[u8], entries, bytes| {
            let folder = tempfile::tempdir().unwrap();
            within(image, folder.path(), entries, bytes)
        };
        assert!(tried(&image, 2, 10).is_ok());
        assert!(tried(&image, 1, 10).is_err());
        assert!(tried(&image, 2, 9).is_err());
        assert!(tried(&image[..700], 2, 10).is_err());
        assert!(tried(&[b'x'; 512], 2, 10).is_err());
    }
}
