//! An image's stream: half of the inputs are taken as they are, half as lines `<kind> <path> <text>`
//! of which a stream with right checksums is made.
#![no_main]

#[path = "../src/within.rs"]
mod within;

use freehold_sandbox::fuzzing;
use libfuzzer_sys::fuzz_target;
use tar::{Builder, EntryType, Header};

fuzz_target!(|bytes: &[u8]| {
    let stream = match bytes.strip_prefix(b"raw\n") {
        Some(raw) => raw.to_vec(),
        None => made(bytes),
    };
    within::within(|folder| fuzzing::image(&stream, folder));
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
