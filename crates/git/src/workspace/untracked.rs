//! The untracked cache of an index (gitformat-index(5)), for another place than it was made in.
//!
//! With it, the first `git status` in a workspace looks at files and not into every folder too. git
//! binds it to the path of the work tree, which inside a sandbox is another one than the base's.

use std::path::Path;

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

const SIGNATURE: &[u8] = b"UNTR";

/// The index with its untracked cache bound to `to` and its checksum made anew; `None` where it has
/// none that is bound to `from`.
pub(crate) fn bound_to(index: &[u8], from: &Path, to: &Path, sha256: bool) -> Option<Vec<u8>> {
    let algorithm = match sha256 {
        true => &SHA256,
        false => &SHA1_FOR_LEGACY_USE_ONLY,
    };
    let body = index.get(..index.len().checked_sub(algorithm.output_len())?)?;
    let start = |place: &Path| {
        let mut text = b"Location ".to_vec();
        text.extend_from_slice(place.as_os_str().as_encoded_bytes());
        text.extend_from_slice(b", system ");
        text
    };
    let old = start(from);
    let at = body.windows(old.len()).rposition(|part| part == old)?;
    let rest = body.get(at + old.len()..)?;
    let system = rest.get(..=rest.iter().position(|byte| *byte == 0)?)?;
    let length = varint(old.len() + system.len());
    let intro = at.checked_sub(length.len() + 4 + SIGNATURE.len())?;
    let (head, tail) = (body.get(..intro)?, rest.get(system.len()..)?);
    let [u, n, t, r, a, b, c, d, said @ ..] = body.get(intro..at)? else {
        return None;
    };
    if [*u, *n, *t, *r] != SIGNATURE || *said != length {
        return None;
    }
    let mut ident = start(to);
    ident.extend_from_slice(system);
    let new_length = varint(ident.len());
    let size = u32::from_be_bytes([*a, *b, *c, *d]);
    let before = u32::try_from(length.len() + old.len() + system.len()).ok()?;
    let after = u32::try_from(new_length.len() + ident.len()).ok()?;
    let size = size.checked_sub(before)?.checked_add(after)?;
    let mut new = Vec::with_capacity(index.len() + ident.len());
    new.extend_from_slice(head);
    new.extend_from_slice(SIGNATURE);
    new.extend_from_slice(&size.to_be_bytes());
    new.extend_from_slice(&new_length);
    new.extend_from_slice(&ident);
    new.extend_from_slice(tail);
    let sum = digest(algorithm, &new);
    new.extend_from_slice(sum.as_ref());
    Some(new)
}

/// git's own encoding of lengths ("offset encoding", gitformat-pack(5)).
fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![low(value)];
    loop {
        value >>= 7;
        if value == 0 {
            break;
        }
        value -= 1;
        bytes.push(0x80 | low(value));
    }
    bytes.reverse();
    bytes
}

fn low(value: usize) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(place: &str) -> Vec<u8> {
        let ident = format!("Location {place}, system Linux\0");
        let mut untr = varint(ident.len());
        untr.extend_from_slice(ident.as_bytes());
        untr.extend_from_slice(b"more of it");
        let mut all = b"DIRC entries UNTRap".to_vec();
        all.extend_from_slice(SIGNATURE);
        all.extend_from_slice(&u32::try_from(untr.len()).unwrap().to_be_bytes());
        all.extend_from_slice(&untr);
        all.extend_from_slice(b"NEXT");
        let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, &all);
        all.extend_from_slice(sum.as_ref());
        all
    }

    #[test]
    fn only_the_place_changes() {
        let long = format!("/{}", "x".repeat(300));
        for (from, to) in [
            ("/a", "/workspace"),
            ("/workspace", "/a"),
            ("/a", long.as_str()),
        ] {
            let moved = bound_to(&index(from), Path::new(from), Path::new(to), false);
            assert_eq!(moved.unwrap(), index(to));
        }
    }

    #[test]
    fn an_index_without_one_or_of_elsewhere_is_left_alone() {
        let to = Path::new("/workspace");
        assert_eq!(bound_to(b"short", Path::new("/a"), to, false), None);
        assert_eq!(bound_to(&index("/b"), Path::new("/a"), to, false), None);
        let mut torn = index("/a");
        torn[27] += 1; // The length of what follows.
        assert_eq!(bound_to(&torn, Path::new("/a"), to, false), None);
    }

    #[test]
    fn lengths_are_those_of_git() {
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(127), [127]);
        assert_eq!(varint(128), [0x80, 0]);
        assert_eq!(varint(16511), [0xff, 0x7f]);
        assert_eq!(varint(16512), [0x80, 0x80, 0]);
    }
}
