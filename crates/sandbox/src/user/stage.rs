//! What a user of its own is shown, mounted where that user can reach it.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{HostUser, Source, not_had};
use crate::error::SandboxError;
use crate::sys;
use crate::sys::user::Piece;

/// In a mount namespace of the launcher alone, this place is the stage. Bubblewrap keeps its own
/// there too, over it, and finds ours in the old root.
const STAGE: &str = "/tmp";
/// What mends it where a folder is in the way.
const MEND: &str = "put it on a file system that can be mounted with changed owners (ext4, xfs, btrfs; \
     in a container, a volume; on a kernel of 5.12 or newer), or run this as an ordinary user";
/// Of the host's system, as every user sees it: no need to change owners.
const SYSTEM: [&str; 8] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc",
];

/// Pieces of the host's tree, each mounted once more with root and the user changed for each other.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    pieces: Vec<Piece>,
    places: BTreeMap<PathBuf, PathBuf>,
}

impl Stage {
    /// With all of `sources` that are not of the host's system.
    ///
    /// # Errors
    /// When one is to be the user's own and lies on a file system that cannot be
    /// mounted that way: overlays of others, many network file systems.
    pub(super) fn with(sources: &[Source], user: &HostUser) -> Result<Self, SandboxError> {
        let mut stage = Self::default();
        for source in sources {
            if !SYSTEM.iter().any(|part| source.path.starts_with(part)) {
                match stage.add(source, user) {
                    // Whoever puts it into the sandbox says for what place it is missing.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    added => added.map_err(|error| {
                        let at = source.path.display();
                        not_had(&format!("{at} cannot be shown as its own: {error}"), MEND)
                    })?,
                }
            }
        }
        Ok(stage)
    }

    fn add(&mut self, source: &Source, user: &HostUser) -> io::Result<()> {
        let Source { path, is_own } = source;
        let found = path.metadata()?;
        let tree = if found.uid() == user.uid() {
            // It is already, as in an overlay that was made for this user.
            sys::user::mounted(path)?
        } else {
            match sys::user::mounted_for(path, &user.namespaces.of_root) {
                // To be read as any other user reads it.
                Err(_) if !is_own => sys::user::mounted(path)?,
                done => done?,
            }
        };
        let at = Path::new(STAGE).join(self.pieces.len().to_string());
        self.pieces.push(Piece {
            tree,
            is_folder: found.is_dir(),
            at: CString::new(at.as_os_str().as_encoded_bytes())?,
        });
        self.places.insert(path.clone(), at);
        Ok(())
    }

    /// Where the launcher will find `source`.
    pub(crate) fn place<'a>(&'a self, source: &'a Path) -> &'a Path {
        self.places.get(source).map_or(source, PathBuf::as_path)
    }

    /// Each path of the host and where the launcher will find it.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&Path, &Path)> {
        (self.places.iter()).map(|(source, place)| (source.as_path(), place.as_path()))
    }

    /// Makes `command` start with the stage set, in no group of the host's root.
    pub(crate) fn set(self, command: &mut Command) -> io::Result<()> {
        sys::user::set_stage(command, CString::new(STAGE)?, self.pieces, false)
    }

    /// As [`Self::set`], and the stage is a folder for temporary files as well: a container's runtime
    /// makes some, as a user of its own.
    pub(crate) fn set_for_runtime(self, command: &mut Command) -> io::Result<()> {
        sys::user::set_stage(command, CString::new(STAGE)?, self.pieces, true)
    }
}
