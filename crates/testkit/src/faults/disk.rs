//! A small disk in memory, which can be filled to the last byte.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

#[derive(Debug)]
pub(super) struct Disk {
    place: PathBuf,
    is_mounted: bool,
}

impl Disk {
    /// Of this many megabytes; a plain directory where nothing may be mounted.
    pub(super) fn make(place: &Path, megabytes: u32) -> Self {
        std::fs::create_dir_all(place).unwrap();
        let size = format!("size={megabytes}m,mode=0755");
        let mounted = mount(
            Some("tmpfs"),
            place,
            Some("tmpfs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
            Some(size.as_str()),
        );
        Self {
            place: place.to_owned(),
            is_mounted: mounted.is_ok(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.place
    }

    /// Whether it can be filled without harm to anybody else.
    pub(super) const fn is_small(&self) -> bool {
        self.is_mounted
    }

    fn ballast(&self) -> PathBuf {
        self.place.join("ballast")
    }

    /// Not a byte is left.
    pub(super) fn fill(&self) {
        use std::io::Write as _;
        let Ok(mut file) = std::fs::File::create(self.ballast()) else {
            return;
        };
        let block = vec![0; 1024 * 1024];
        for size in [block.len(), 4096, 1] {
            while file.write_all(&block[..size]).is_ok() {}
        }
    }

    pub(super) fn empty(&self) {
        let _gone = std::fs::remove_file(self.ballast());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            let _gone = umount2(&self.place, MntFlags::MNT_DETACH);
        }
    }
}
