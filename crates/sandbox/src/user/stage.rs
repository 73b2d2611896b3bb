//! What a user of its own is shown, mounted where that user can reach it.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sys;
use crate::sys::user::Piece;

/// In a mount namespace of the launcher alone, this place is the stage. Bubblewrap keeps its own
/// there too, over it, and finds ours in the old root.
const STAGE: &str = "/tmp";
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
    /// When one is not there, or its file system cannot be mounted that way: overlays, many network
    /// file systems.
    pub(super) fn with(sources: &[PathBuf], of_root: &OwnedFd) -> io::Result<Self> {
        let mut stage = Self::default();
        for source in sources {
            let is_system = SYSTEM.iter().any(|part| source.starts_with(part));
            if is_system || stage.places.contains_key(source) {
                continue;
            }
            let at = Path::new(STAGE).join(stage.pieces.len().to_string());
            stage.pieces.push(Piece {
                tree: sys::user::mounted_for(source, of_root)?,
                is_folder: source.metadata()?.is_dir(),
                at: CString::new(at.as_os_str().as_encoded_bytes())?,
            });
            stage.places.insert(source.clone(), at);
        }
        Ok(stage)
    }

    /// Where the launcher will find `source`.
    pub(crate) fn place<'a>(&'a self, source: &'a Path) -> &'a Path {
        self.places.get(source).map_or(source, PathBuf::as_path)
    }

    /// Makes `command` start with the stage set, in no group of the host's root.
    pub(crate) fn set(self, command: &mut Command) -> io::Result<()> {
        sys::user::set_stage(command, CString::new(STAGE)?, self.pieces);
        Ok(())
    }
}
