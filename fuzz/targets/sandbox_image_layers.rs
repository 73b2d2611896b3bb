//! Layers of an image, and archives of images. An input that begins with `raw` is an archive as it
//! is; of another one each block of lines `<kind> <path> <text>`, parted by a line `--`, becomes a
//! layer, and one of lines behind `parts` an archive with these parts.
#![no_main]

#[path = "../src/within.rs"]
mod within;

use freehold_sandbox::fuzzing;
use libfuzzer_sys::fuzz_target;
use tar::{Builder, EntryType, Header};

fuzz_target!(|bytes: &[u8]| {
    if let Some(raw) = bytes.strip_prefix(b"raw\n") {
        within::within(|folder| fuzzing::image_archive(raw, folder));
    } else if let Some(parts) = bytes.strip_prefix(b"parts\n") {
        within::within(|folder| fuzzing::image_archive(&made(parts), folder));
    } else {
        let mut layers = vec![Vec::new()];
        for line in bytes.split(|byte| *byte == b'\n') {
            match (line, layers.last_mut()) {
                (b"--", _) | (_, None) => layers.push(Vec::new()),
                (line, Some(layer)) => layer.extend([line, b"\n"].concat()),
            }
        }
        let layers: Vec<_> = layers.iter().map(|layer| made(layer)).collect();
        within::within(|folder| fuzzing::image_layers(&layers, folder));
    }
});

fn made(bytes: &[u8]) -> Vec<u8> {
    let mut made = Builder::new(Vec::new());
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let kind = words
            .next()
            .and_then(<[u8]>::first)
            .copied()
            .unwrap_or(b'0');
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::new(kind));
        header.set_mode(0o4777);
        let mut put = |from: usize, to: usize, text: &[u8]| {
            let length = text.len().min(to - from);
            header.as_mut_bytes()[from..from + length].copy_from_slice(&text[..length]);
        };
        put(0, 100, words.next().unwrap_or_default());
        let text = words.next().unwrap_or_default();
        let is_link = matches!(kind, b'1' | b'2');
        if is_link {
            put(157, 257, text);
        }
        let contents = if is_link { &[][..] } else { text };
        header.set_size(contents.len() as u64);
        header.set_cksum();
        made.append(&header, contents).expect("memory");
    }
    made.into_inner().expect("memory")
}
