//! Overlay mounts (Documentation/filesystems/overlayfs.rst of the kernel): a writable folder over
//! read-only ones, whose cost does not depend on how many files there are.
//!
//! Options, and why: `volatile`, because a workspace need not outlive the machine's boot and a mount
//! or unmount would wait for the disk else; `redirect_dir=on`, so that renaming a folder works as
//! on any file system; the rest off, because nothing here needs what it costs.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::Owner;

/// What the kernel takes for the options of one mount: a page.
const OPTIONS_MAX: usize = 4000;
const OPTIONS: &str = "volatile,redirect_dir=on,metacopy=off,index=off,nfs_export=off,xino=off";
/// The mounts of this process's namespace (proc(5)).
const MOUNTS: &str = "/proc/self/mountinfo";
/// The identity of this boot: what a `volatile` mount wrote before another one may be incomplete.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// The writable half of an overlay. Both folders are the kernel's while it is mounted.
pub(super) struct Upper {
    pub(super) files: PathBuf,
    pub(super) work: PathBuf,
}

impl Upper {
    pub(super) fn below(dir: &Path) -> Self {
        Self {
            files: dir.join("upper"),
            work: dir.join("work"),
        }
    }

    pub(super) fn create(&self) -> io::Result<()> {
        std::fs::create_dir(&self.files)?;
        std::fs::create_dir(&self.work)
    }
}

/// This boot's name.
pub(super) fn boot() -> io::Result<String> {
    Ok(std::fs::read_to_string(BOOT)?.trim().to_owned())
}

/// Mounts `lowers`, topmost first, and `upper` over them at `at`; by `owner`, if its files are not to
/// be ours.
pub(super) fn show(
    lowers: &[PathBuf],
    upper: &Upper,
    at: &Path,
    owner: Option<&dyn Owner>,
) -> io::Result<()> {
    let mut options = OsString::from("lowerdir=");
    for (index, lower) in lowers.iter().enumerate() {
        if index > 0 {
            options.push(":");
        }
        options.push(plain(lower)?);
    }
    options.push(",upperdir=");
    options.push(plain(&upper.files)?);
    options.push(",workdir=");
    options.push(plain(&upper.work)?);
    options.push(",");
    options.push(OPTIONS);
    if options.len() > OPTIONS_MAX {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    if let Some(owner) = owner {
        let above = upper.files.parent().into_iter();
        let folders: Vec<&Path> = lowers.iter().map(PathBuf::as_path).chain(above).collect();
        return owner.overlay(&folders, &options, at);
    }
    // A set-user-id file or a device of an agent's making means nothing on the host either.
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("overlay"),
        at,
        Some("overlay"),
        flags,
        Some(options.as_os_str()),
    )?;
    Ok(())
}

/// A path that needs no quoting among the options.
fn plain(path: &Path) -> io::Result<&Path> {
    let odd = |byte: &u8| b",:\\\"".contains(byte) || byte.is_ascii_control();
    if path.as_os_str().as_bytes().iter().any(odd) {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    Ok(path)
}

/// Takes a mount away. Where somebody still looks at it, it goes with the last who does.
pub(super) fn hide(at: &Path) -> io::Result<()> {
    match umount2(at, MntFlags::UMOUNT_NOFOLLOW) {
        Err(Errno::EBUSY) => {
            umount2(at, MntFlags::UMOUNT_NOFOLLOW | MntFlags::MNT_DETACH)?;
            Ok(())
        }
        done => Ok(done?),
    }
}

/// Lets a `volatile` overlay be mounted again over what it wrote, in the same boot. The kernel leaves
/// this folder to say that a crash may have come between, which the caller rules out by [`boot`].
pub(super) fn forgive(upper: &Upper) -> io::Result<()> {
    match std::fs::remove_dir_all(upper.work.join("work/incompat/volatile")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// An overlay mount of this namespace.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mounted {
    pub(super) at: PathBuf,
    pub(super) lowers: Vec<PathBuf>,
}

/// All overlay mounts of this namespace, in the order in which they were made.
pub(super) fn mounted() -> io::Result<Vec<Mounted>> {
    Ok(parse(&std::fs::read(MOUNTS)?))
}

/// `<id> <parent> <dev> <root> <mount point> <options> [<tag> …] - <type> <source> <super options>`
fn parse(mountinfo: &[u8]) -> Vec<Mounted> {
    let line = |line: &[u8]| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let dash = fields.iter().position(|field| *field == b"-")?;
        if *fields.get(dash + 1)? != b"overlay" {
            return None;
        }
        let lowers = fields
            .get(dash + 3)?
            .split(|byte| *byte == b',')
            .find_map(|option| option.strip_prefix(b"lowerdir="))
            .unwrap_or_default();
        Some(Mounted {
            at: unescaped(fields.get(4)?),
            lowers: lowers.split(|byte| *byte == b':').map(unescaped).collect(),
        })
    };
    mountinfo
        .split(|byte| *byte == b'\n')
        .filter_map(line)
        .collect()
}

/// proc(5) writes space, tab, newline and backslash as `\ooo`.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = |digits: &[u8]| {
            let text = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(text, 8).ok()
        };
        match after.get(..3).filter(|_| *first == b'\\').and_then(octal) {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlay_mounts_are_read_and_nothing_else() {
        let text = b"27 1 254:0 / / rw - ext4 /dev/vda rw\n\
            90 27 0:50 / /d/a\\040b/work rw,nosuid shared:1 - overlay overlay rw,lowerdir=/x\\040y:/z,upperdir=/u,workdir=/w,volatile\n\
            91 27 0:51 / /d rw - overlay\nnot a line";
        assert_eq!(
            parse(text),
            [Mounted {
                at: "/d/a b/work".into(),
                lowers: vec!["/x y".into(), "/z".into()],
            }]
        );
    }

    #[test]
    fn a_path_that_would_end_an_option_is_refused() {
        for odd in ["/a,upperdir=/etc", "/a:b", "/a\\b", "/a\nb"] {
            assert!(plain(Path::new(odd)).is_err(), "{odd}");
        }
        assert!(plain(Path::new("/a b/ü")).is_ok());
    }
}
