//! A bound on what the library for tar reads by itself: long names, attributes and the maps of
//! sparse files, all of which it keeps in memory however long the stream says that they are.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// What may stand before one file: two names of 4096 bytes each, and attributes, of which the kernel
/// takes 64 KiB. A map of a sparse file takes 24 bytes for each of its parts.
pub(super) const BETWEEN_MAX: u64 = 1 << 20;

/// Passes bytes on, as many as its [`Meter`] leaves.
pub(super) struct Metered<R> {
    from: R,
    left: Rc<Cell<u64>>,
}

/// Tells what a stream is read for.
pub(super) struct Meter(Rc<Cell<u64>>);

/// A stream with its meter. Without [`Meter::between`] it is read as it is.
pub(super) fn metered<R>(from: R) -> (Metered<R>, Meter) {
    let left = Rc::new(Cell::new(u64::MAX));
    let meter = Meter(Rc::clone(&left));
    (Metered { from, left }, meter)
}

impl Meter {
    /// Looks for the next entry, within [`BETWEEN_MAX`]. The contents of the one before have been
    /// read, or are sought over.
    pub(super) fn between<T>(&self, next: impl FnOnce() -> T) -> T {
        self.0.set(BETWEEN_MAX);
        let found = next();
        self.0.set(u64::MAX);
        found
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other("what describes a file is too long"));
        }
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.from.read(&mut buffer[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.from.seek(to)
    }
}
