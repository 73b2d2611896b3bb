//! Reading what git and remotes say in prose.
//!
//! git has no machine-readable form for why a transport failed, so this is the one place that looks
//! at its messages (always English: `LC_ALL=C`). It only chooses the *kind* of an error; whether a
//! push took effect is never read from prose but from the remote's refs.

use std::path::Path;

use crate::{GitError, Remote};

/// Longest text of another program that an error carries: a screenful.
const MAX_SAID: usize = 2000;

/// Printable, bounded text: control characters gone, the last [`MAX_SAID`] bytes, progress dropped.
pub(crate) fn text(bytes: &[u8]) -> String {
    let all = String::from_utf8_lossy(bytes);
    let lines = all.split('\n').map(|line| {
        line.rsplit('\r')
            .find(|l| !l.trim().is_empty())
            .unwrap_or("")
    });
    let kept: Vec<String> = lines
        .map(printable)
        .filter(|l| !l.is_empty() && !is_progress(l))
        .collect();
    tail(&kept.join("\n"))
}

/// The remote's own words (`remote: …` lines of the side band); all of them when it sent none.
pub(crate) fn remote_words(bytes: &[u8]) -> String {
    let all = text(bytes);
    let own: Vec<&str> = all
        .lines()
        .filter_map(|l| l.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    if own.is_empty() { all } else { own.join("\n") }
}

fn printable(line: &str) -> String {
    let clean: String = line
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .collect();
    clean.trim().to_owned()
}

/// Bidirectional overrides and zero-width characters: they make a log lie about its own text.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn is_progress(line: &str) -> bool {
    const STEPS: [&str; 8] = [
        "Enumerating objects",
        "Counting objects",
        "Compressing objects",
        "Writing objects",
        "Receiving objects",
        "Resolving deltas",
        "Unpacking objects",
        "Delta compression",
    ];
    let line = line.strip_prefix("remote:").unwrap_or(line).trim();
    STEPS.iter().any(|step| line.starts_with(step))
        || (line.starts_with("Total ") && line.contains("(delta"))
}

fn tail(text: &str) -> String {
    let mut from = text.len().saturating_sub(MAX_SAID);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].to_owned()
}

/// Why a command that talks to `remote` failed.
pub(crate) fn remote_failure(
    doing: &'static str,
    remote: &Remote,
    status: String,
    stderr: &[u8],
) -> GitError {
    let said = text(stderr);
    let low = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| low.contains(w));
    let remote = remote.to_string();
    if has(&["does not support --atomic"]) {
        GitError::NoAtomic { remote }
    } else if has(&["dubious ownership"]) {
        GitError::ForeignOwner { remote }
    } else if has(&[
        "host key verification failed",
        "remote host identification has changed",
    ]) {
        GitError::HostKey { remote, said }
    } else if has(AUTH) {
        GitError::AuthRefused { remote, said }
    } else if has(&[
        "error: 301",
        "error: 302",
        "error: 303",
        "error: 307",
        "error: 308",
        "unable to update url base from redirection",
    ]) {
        GitError::Redirected { remote, said }
    } else if has(&["no space left on device", "quota exceeded"]) {
        GitError::RemoteFull { remote, said }
    } else if has(NOT_FOUND) {
        GitError::NotFound { remote, said }
    } else if has(DAMAGED) {
        GitError::RemoteCorrupt { remote, said }
    } else if has(&["certificate"]) {
        GitError::Certificate { remote, said }
    } else if has(&["returned error: 4"]) && !has(LATER) {
        GitError::RequestRefused { remote, said }
    } else if has(DOWN) {
        GitError::Unreachable { remote, said }
    } else {
        GitError::Failed {
            doing,
            status,
            said,
        }
    }
}

const AUTH: &[&str] = &[
    "authentication failed",
    "could not read username",
    "could not read password",
    "permission denied",
    "returned error: 401",
    "returned error: 403",
    "returned error: 407",
    "terminal prompts disabled",
    "from user",
    "access denied",
];
const NOT_FOUND: &[&str] = &[
    "does not appear to be a git repository",
    "repository not found",
    "' not found",
    "returned error: 404",
    "returned error: 410",
    "no such file or directory",
    "info/refs not valid",
];
const DAMAGED: &[&str] = &[
    "invalid index-pack output",
    "fsck error",
    "is corrupt",
    "bad pack header",
    "inflate: data",
    "did not send all necessary objects",
    "bad object",
    "missing object",
    "does not match index",
    "not our ref",
];
/// What HTTP says of a request that is worth another try: it took too long, came too early, or one of
/// too many.
const LATER: &[&str] = &[
    "returned error: 408",
    "returned error: 425",
    "returned error: 429",
];
const DOWN: &[&str] = &[
    "could not resolve",
    "failed to connect",
    "couldn't connect",
    "connection refused",
    "connection reset",
    "connection timed out",
    "connection closed",
    "network is unreachable",
    "no route to host",
    "hung up",
    "early eof",
    "empty reply",
    "unexpected disconnect",
    "rpc failed",
    "operation too slow",
    "timed out",
    "ssl",
    "tls",
    "returned error: 5",
    "unable to access",
    "unpack-objects died",
    "broken pipe",
    "unexpected flush packet",
];

/// Whether a failed push surely did not reach the remote's refs.
pub(crate) fn surely_not_sent(error: &GitError) -> bool {
    match error {
        GitError::Unreachable { said, .. } => {
            let low = said.to_lowercase();
            !low.contains("rpc failed")
                && [
                    "could not resolve",
                    "failed to connect",
                    "couldn't connect",
                    "connection refused",
                ]
                .iter()
                .any(|w| low.contains(w))
        }
        GitError::NoAtomic { .. }
        | GitError::ForeignOwner { .. }
        | GitError::HostKey { .. }
        | GitError::Certificate { .. }
        | GitError::AuthRefused { .. }
        | GitError::Redirected { .. }
        | GitError::NotFound { .. }
        | GitError::Corrupt { .. }
        | GitError::DiskFull { .. } => true,
        _ => false,
    }
}

const UNWRITTEN: &[&str] = &[
    "couldn't write",
    "could not write",
    "cannot write",
    "unable to write",
    "failed to write",
    "cannot update ref",
    "unable to create",
    "write error",
];

/// Less than any write of git's needs.
const ROOM: u64 = 1 << 20;

fn is_full(place: &Path) -> bool {
    nix::sys::statvfs::statvfs(place)
        .is_ok_and(|disk| disk.blocks_available().saturating_mul(disk.fragment_size()) < ROOM)
}

/// Whether git complains about our own objects. Lines that the remote sent do not count.
pub(crate) fn store_failure(store: &Path, stderr: &[u8]) -> Option<GitError> {
    const BROKEN: &[&str] = &[
        "is corrupt",
        "corrupt or missing",
        "unable to unpack",
        "inflate: data",
        "hash mismatch",
        "sha1 mismatch",
        "missing blob",
        "missing tree",
        "missing commit",
        "bad object",
        "unable to read tree",
        "unable to read sha1",
        "unable to read object",
        "could not read object",
        "does not match index",
        "bad sha1 file",
        "broken link",
        "failed to unpack tree",
        "could not parse commit",
        "unable to parse commit",
        "unable to parse object",
        "cannot be accessed",
        "is not a packfile",
        "index file corrupt",
        "delta base offset",
        "failed to read delta",
        "invalid sha1 pointer",
        "unable to find",
        "missing necessary objects",
        "not a git repository",
        "bad signature",
        "wrong index v",
        "is too small",
        "not a valid object name",
        "cannot read existing object",
        "object file",
        "not a tree object",
    ];
    let said = text(stderr);
    let own: Vec<&str> = said.lines().filter(|l| !l.starts_with("remote:")).collect();
    let low = own.join("\n").to_lowercase();
    let store = store.to_owned();
    if low.contains("no space left on device") || low.contains("disk quota exceeded") {
        return Some(GitError::DiskFull { said });
    }
    // Not every part of git says why it could not write.
    if UNWRITTEN.iter().any(|w| low.contains(w)) && is_full(&store) {
        return Some(GitError::DiskFull { said });
    }
    if low.contains(".lock': file exists") {
        return Some(GitError::Locked { store, said });
    }
    BROKEN
        .iter()
        .any(|w| low.contains(w))
        .then_some(GitError::Corrupt { store, said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_loses_control_characters_progress_and_length() {
        let raw = b"Writing objects:  50%\rWriting objects: 100% (3/3), done.\nremote: \x1b[31mno\x1b[0m\x07 entry\n\xe2\x80\xae!\n";
        assert_eq!(text(raw), "remote: [31mno[0m entry\n!");
        assert_eq!(remote_words(raw), "[31mno[0m entry");
        assert!(text("ä".repeat(5000).as_bytes()).len() <= MAX_SAID);
    }

    #[test]
    fn kinds_follow_the_words() {
        let remote = Remote::parse("https://example.org/a.git").unwrap();
        let kind =
            |said: &str| remote_failure("a fetch", &remote, "128".into(), said.as_bytes()).code();
        assert_eq!(
            kind("fatal: could not read Username for 'https://x': terminal prompts disabled"),
            "remote_auth_refused"
        );
        assert_eq!(
            kind("fatal: repository 'https://x/' not found"),
            "remote_not_found"
        );
        assert_eq!(
            kind("fatal: unable to access 'https://x/': Could not resolve host: x"),
            "remote_unreachable"
        );
        assert_eq!(
            kind("fatal: unable to access 'x': The requested URL returned error: 301"),
            "remote_redirected"
        );
        assert_eq!(
            kind("fatal: unable to access 'x': The requested URL returned error: 503"),
            "remote_unreachable"
        );
        assert_eq!(
            kind("fatal: the receiving end does not support --atomic push"),
            "remote_no_atomic"
        );
        assert_eq!(
            kind("Host key verification failed.\nfatal: Could not read from remote repository."),
            "remote_host_key"
        );
        assert_eq!(
            kind("git@x: Permission denied (publickey)."),
            "remote_auth_refused"
        );
        assert_eq!(kind("something else"), "git_failed");
        // What waiting does not mend is not taken for a remote that is away.
        for said in [
            "server certificate verification failed. CAfile: none CRLfile: none",
            "SSL certificate problem: certificate has expired",
            "SSL: no alternative certificate subject name matches target host name 'x'",
        ] {
            let said = format!("fatal: unable to access 'https://x/': {said}");
            assert_eq!(kind(&said), "remote_certificate", "{said}");
        }
        for (status, wanted) in [
            (400, "remote_request_refused"),
            (413, "remote_request_refused"),
            (451, "remote_request_refused"),
            (408, "remote_unreachable"),
            (425, "remote_unreachable"),
            (429, "remote_unreachable"),
            (500, "remote_unreachable"),
        ] {
            let said = format!(
                "fatal: unable to access 'https://x/': The requested URL returned error: {status}"
            );
            assert_eq!(kind(&said), wanted, "{said}");
        }
    }

    #[test]
    fn what_the_remote_says_about_its_objects_is_not_about_ours() {
        assert!(
            store_failure(Path::new("/s"), b"remote: fatal: loose object a is corrupt").is_none()
        );
        assert!(store_failure(Path::new("/s"), b"fatal: loose object a is corrupt").is_some());
    }
}
