//! The readers of an agent's, a client's and a remote's bytes, for fuzzing: each panics when what it
//! promises does not hold.

use std::path::Path;

use crate::serve::pktline::{self, FLUSH, Packet};
use crate::{BranchName, Oid, PushRequest, Remote, RunRef, bundle, said, workspace};

/// What `git` and remotes say may be shown up to here (`said::MAX_SAID`).
const SAID_MAX: usize = 2000;

/// Packet lines. What is read is printed as the same.
///
/// # Panics
/// A promise is broken.
pub fn packets(bytes: &[u8]) {
    let (mut rest, mut again) = (bytes, Vec::new());
    while let Ok(Some((packet, left))) = pktline::next(rest) {
        match packet {
            Packet::Line(line) => again.extend(pktline::line(line)),
            Packet::Flush => again.extend_from_slice(FLUSH),
        }
        assert!(left.len() < rest.len(), "a packet has bytes");
        rest = left;
    }
    let read = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
    assert!(
        again.eq_ignore_ascii_case(read),
        "only a length's case changes"
    );
}

/// A fetch. What is let through to git is plain words, of one kind of object names.
///
/// # Panics
/// A promise is broken.
pub fn fetch_request(bytes: &[u8]) {
    let (old, new) = (
        pktline::check_fetch(bytes, false).is_ok(),
        pktline::check_fetch(bytes, true).is_ok(),
    );
    if !old && !new {
        return;
    }
    let mut rest = bytes;
    while let Ok(Some((packet, left))) = pktline::next(rest) {
        rest = left;
        let Packet::Line(line) = packet else { continue };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)));
        let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let value = line.get(word.len() + 1..).unwrap_or_default();
        match word {
            b"deepen" => assert!(!value.is_empty() && value.iter().all(u8::is_ascii_digit)),
            b"done" => assert!(value.is_empty()),
            b"want" | b"have" | b"shallow" => {
                let name = value.split(|byte| *byte == b' ').next().unwrap_or_default();
                assert!(matches!(
                    (name.len(), old, new),
                    (40, true, false) | (64, false, true)
                ));
            }
            _ => assert_eq!(word, b"want", "an unknown word was let through"),
        }
    }
    assert!(rest.is_empty());
}

/// The head of a push. What is taken and printed is read again as the same, and the answers to it are
/// whole packets.
///
/// # Panics
/// A promise is broken.
pub fn push_request(bytes: &[u8]) {
    for sha256 in [false, true] {
        let Ok(push) = PushRequest::parse(bytes, sha256) else {
            continue;
        };
        assert!(push.pack_at <= bytes.len() as u64 && !push.commands.is_empty());
        let none = "0".repeat(if sha256 { 64 } else { 40 });
        let show = |oid: &Option<Oid>| oid.as_ref().map_or(none.clone(), Oid::to_string);
        let mut printed = Vec::new();
        for (name, old, new) in &push.commands {
            assert!(name.starts_with("refs/") && name.bytes().all(|byte| byte > b' '));
            let line = format!("{} {} {name}\n", show(old), show(new));
            printed.extend(pktline::line(line.as_bytes()));
        }
        printed.extend_from_slice(FLUSH);
        let again = PushRequest::parse(&printed, sha256).map(|again| again.commands);
        assert_eq!(again.ok().as_ref(), Some(&push.commands));
        packets_only(&push.answer(Ok(())));
        packets_only(&push.answer(Err(&String::from_utf8_lossy(bytes))));
    }
}

fn packets_only(mut bytes: &[u8]) {
    while let Ok(Some((_, rest))) = pktline::next(bytes) {
        bytes = rest;
    }
    assert!(bytes.is_empty(), "an answer is packet lines");
}

/// The head of a bundle: one object name that is written there, and where the pack begins.
///
/// # Panics
/// A promise is broken.
pub fn bundle_head(bytes: &[u8]) {
    let mut taken = 0;
    for sha256 in [false, true] {
        let Ok((oid, length)) = bundle::read_head(&mut &*bytes, sha256) else {
            continue;
        };
        taken += 1;
        assert_eq!(oid.as_str().len(), if sha256 { 64 } else { 40 });
        let head = usize::try_from(length)
            .ok()
            .and_then(|end| bytes.get(..end));
        let head = head.unwrap_or_default();
        assert!(head.ends_with(b"\n\n"), "a blank line ends the head");
        let named = |line: &[u8]| {
            let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
            name.eq_ignore_ascii_case(oid.as_str().as_bytes())
        };
        assert!(head.split(|byte| *byte == b'\n').any(named));
        let short = head.len().checked_sub(1).and_then(|end| head.get(..end));
        let cut = short.unwrap_or_default();
        assert!(bundle::read_head(&mut &*cut, sha256).is_err());
    }
    assert!(taken < 2, "an object name has one length");
}

/// Names of objects, branches, runs and remotes. What is taken and printed is read again as the same.
///
/// # Panics
/// A promise is broken.
pub fn names(text: &str) {
    if let Ok(oid) = Oid::parse(text) {
        assert!(text.eq_ignore_ascii_case(oid.as_str()));
        assert_eq!(Oid::parse(&oid.to_string()).ok(), Some(oid));
    }
    if let Ok(branch) = BranchName::parse(text) {
        assert_eq!(branch.as_str(), text);
        assert!(text.len() <= 240 && !text.starts_with('-') && !text.contains(".."));
        assert!(!text.bytes().any(|byte| byte <= b' ' || byte == 0x7f));
        assert_eq!(branch.full(), format!("refs/heads/{text}"));
        assert!(BranchName::parse(&branch.full()).is_err());
    }
    if let Some(run) = RunRef::parse(text) {
        assert_eq!(run.to_string(), text, "a name has one spelling");
        assert_eq!(RunRef::new(run.run(), run.epoch()).ok(), Some(run));
    }
    if let Ok(run) = RunRef::new(text, 7) {
        assert_eq!(RunRef::parse(&run.to_string()), Some(run));
    }
    let _remote = Remote::parse(text);
}

/// What git and remotes say in prose is shown bounded, without what makes a log lie.
///
/// # Panics
/// A promise is broken.
pub fn said(bytes: &[u8]) {
    for text in [said::text(bytes), said::remote_words(bytes)] {
        assert!(text.len() <= SAID_MAX);
        let odd = |c: char| {
            (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}')
        };
        assert!(!text.contains(odd));
    }
    if let Ok(remote) = Remote::parse("https://example.org/a.git") {
        let error = said::remote_failure("a fetch", &remote, "128".into(), bytes);
        assert!(!error.code().is_empty() && !error.to_string().is_empty());
        let _sent = said::surely_not_sent(&error);
    }
}

/// The untracked cache of an index, bound to another place and back again.
///
/// # Panics
/// A promise is broken.
pub fn untracked_cache(index: &[u8]) {
    let (here, there) = (Path::new("/a"), Path::new("/workspace"));
    let bound = |index: &[u8], from, to| workspace::untracked::bound_to(index, from, to, false);
    let Some(moved) = bound(index, here, there) else {
        return;
    };
    assert_eq!(moved.len(), index.len() + "/workspace".len() - "/a".len());
    let stood = |place: &[u8]| index.windows(place.len()).any(|part| part == place);
    // Where the other place is named too, the way back is another one.
    if !stood(b"Location /workspace, system ") {
        let body = |index: &[u8]| index.len().checked_sub(20).map(|end| index[..end].to_vec());
        let back = bound(&moved, there, here);
        assert_eq!(back.as_deref().and_then(body), body(index));
    }
}
