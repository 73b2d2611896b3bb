//! The readers of what comes out of a sandbox, for fuzzing: each panics when what it promises does
//! not hold.

use std::fs;
use std::path::Path;

use crate::container::image::archive::Store;
use crate::container::image::unpack::{self, Unpacker};
use crate::control::{Instructions, Order, Report};
use crate::vm::files;
use crate::vm::outputs::{self, Wanted};
use crate::vm::wire::{self, Setup};

/// Enough for every branch, and too little to fill a disk.
const BYTES_MAX: u64 = 1 << 20;

/// What the host and the first process inside say to each other. What is read is printed as what is
/// read again.
///
/// # Panics
/// A promise is broken.
pub fn control(bytes: &[u8]) {
    if let Some(report) = Report::decode(bytes) {
        assert_eq!(bytes.len(), Report::SIZE);
        assert_eq!(Report::decode(&report.encode()), Some(report));
    }
    if let Some(order) = bytes.first_chunk().and_then(|bytes| Order::decode(*bytes)) {
        assert_eq!(Order::decode(order.encode()), Some(order));
    }
    // The bytes are the body of instructions too: their number before them is right.
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    for frame in [bytes.to_vec(), [&size, bytes].concat()] {
        if let Ok(read) = Instructions::read(frame.as_slice()) {
            let again = read.encode().and_then(|bytes| Instructions::read(&*bytes));
            assert!(again.is_ok_and(|again| again == read));
        }
    }
}

/// What host and guest say to each other: set-ups and chunks.
///
/// # Panics
/// A promise is broken.
pub fn vm_wire(bytes: &[u8]) {
    if let Ok(setup) = Setup::decode(bytes) {
        // What is too long to be sent is no set-up of ours.
        if let Ok(printed) = setup.encode() {
            assert_eq!(Setup::decode(&printed).ok(), Some(setup));
        }
    }
    let mut rest = bytes;
    let mut again = Vec::new();
    loop {
        let before = rest;
        match wire::take(&mut rest) {
            Ok(chunk) => {
                let chunk = chunk.unwrap_or_default();
                assert!(chunk.len() <= wire::MAX_CHUNK);
                again.extend(wire::framed(&chunk).unwrap_or_default());
            }
            Err(_) => {
                rest = before;
                break;
            }
        }
    }
    assert!(bytes.starts_with(&again) && again.len() + rest.len() == bytes.len());
}

/// What a guest asks the server of its files, whose tree is `folder`: nothing beside it is touched.
///
/// # Panics
/// A promise is broken.
pub fn vm_files(bytes: &[u8], folder: &Path) {
    let (root, beside) = (folder.join("root"), folder.join("beside"));
    let _ = fs::create_dir(&root);
    let _ = fs::write(&beside, b"not to be reached");
    let _ = std::os::unix::fs::symlink("../beside", root.join("link"));
    let _ = fs::write(root.join("file"), b"words");
    let _ = files::answer_all(bytes, &root);
    assert_eq!(
        fs::read(&beside).ok().as_deref(),
        Some(&b"not to be reached"[..])
    );
    assert_eq!(fs::read_dir(folder).map_or(0, Iterator::count), 2);
}

/// What a guest sends back, taken into `folder`, which is empty: what was asked for, or nothing.
///
/// # Panics
/// A promise is broken.
pub fn vm_outputs(bytes: &[u8], folder: &Path) {
    let wanted = Wanted {
        folder: folder.to_owned(),
        names: vec!["out".into(), "report.txt".into()],
        bytes: BYTES_MAX,
    };
    let taken = outputs::unpack(bytes, &wanted);
    let names: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    match taken {
        Ok(outputs) => {
            assert!(
                names
                    .iter()
                    .all(|name| name == "out" || name == "report.txt")
            );
            assert!(outputs.iter().map(|output| output.bytes).sum::<u64>() <= BYTES_MAX);
            for output in outputs {
                let meta = fs::symlink_metadata(folder.join(&output.name)).ok();
                assert!(meta.is_some_and(|meta| meta.is_file() && meta.len() == output.bytes));
            }
        }
        Err(error) => {
            assert!(names.is_empty(), "nothing stays");
            assert!(!error.to_string().is_empty());
        }
    }
}

/// An image's files, unpacked into `folder`.
pub fn image(stream: &[u8], folder: &Path) {
    let _unpacked = unpack::within(stream, folder, 100, BYTES_MAX);
}

/// Layers of an image, unpacked into `folder` one over the other.
pub fn image_layers(layers: &[Vec<u8>], folder: &Path) {
    let Ok(mut unpacker) = Unpacker::new(folder, 100, BYTES_MAX) else {
        return;
    };
    for layer in layers {
        if unpacker.layer(layer.as_slice()).is_err() {
            return;
        }
    }
}

/// An archive of an image, unpacked into `folder`.
pub fn image_archive(bytes: &[u8], folder: &Path) {
    use std::io::Write;
    let archive = tempfile::tempfile().and_then(|mut file| {
        file.write_all(bytes)?;
        Store::of(file)
    });
    let Ok(store) = archive else { return };
    if let Ok(plan) = store.plan() {
        let _unpacked = store.unpack(&plan, folder, 100, BYTES_MAX);
    }
}
