//! What the host asked for, sent back as an archive when all processes have ended.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::super::archive::{self, Entry, FILE, FOLDER, TYPE};
use super::super::wire::{self, Setup};
use super::carry::Channel;

/// Deeper folders are not sent, and the host hears of no end.
const MAX_DEPTH: usize = 64;

/// Sends what is there. What is not is not in the archive; what is neither file nor folder is there
/// by name only, and the host refuses it.
pub(super) fn send(setup: &Setup, channel: &Channel) -> io::Result<()> {
    let mut to = Chunks {
        channel,
        held: Vec::with_capacity(wire::MAX_CHUNK),
    };
    let folder = Path::new(&setup.outputs_in);
    for name in &setup.outputs {
        if let Ok(found) = fs::symlink_metadata(folder.join(name)) {
            entry(&mut to, folder, name, &found, MAX_DEPTH)?;
        }
    }
    archive::end(&mut to)?;
    to.flush()?;
    wire::put(&**channel, &[])
}

fn entry(
    to: &mut Chunks<'_>,
    folder: &Path,
    name: &str,
    found: &Metadata,
    depth: usize,
) -> io::Result<()> {
    let size = if found.is_file() { found.size() } else { 0 };
    let head = Entry {
        name: name.to_owned(),
        mode: found.mode() & (TYPE | 0o777),
        size,
    };
    archive::head(&mut *to, &head, (0, 0))?;
    match found.mode() & TYPE {
        FILE => {
            let mut from = File::open(folder.join(name))?.take(size);
            if io::copy(&mut from, to)? < size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            archive::pad(&mut *to, size)
        }
        FOLDER if depth > 0 => {
            let entries = fs::read_dir(folder.join(name))?;
            let mut names: Vec<_> = entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<io::Result<_>>()?;
            names.sort();
            for below in names {
                let below = below
                    .into_string()
                    .map_err(|_| io::ErrorKind::InvalidData)?;
                let below = format!("{name}/{below}");
                let found = fs::symlink_metadata(folder.join(&below))?;
                entry(to, folder, &below, &found, depth - 1)?;
            }
            Ok(())
        }
        FOLDER => Err(io::ErrorKind::InvalidData.into()),
        _ => Ok(()),
    }
}

/// Gathers small writes into chunks.
struct Chunks<'a> {
    channel: &'a Channel,
    held: Vec<u8>,
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = wire::MAX_CHUNK - self.held.len();
        let taken = room.min(bytes.len());
        self.held.extend(&bytes[..taken]);
        if self.held.len() == wire::MAX_CHUNK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.held.is_empty() {
            wire::put(&**self.channel, &self.held)?;
            self.held.clear();
        }
        Ok(())
    }
}
