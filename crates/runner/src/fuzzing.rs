//! The readers of a run's, a server's and an owner's bytes, for fuzzing: each panics when what it
//! promises does not hold.

use std::fs;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use freehold_model::Isolation;
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, ReadBuf};

use crate::broker::http::{self, Head};
use crate::execute::archive;
use crate::policy::Policy;

/// Most bytes of a body, for the bound to be met.
const BODY_MAX: u64 = 64;

/// A parked home laid into `home`, an empty folder: plain files and folders, or an error.
///
/// # Panics
/// A promise is broken.
pub fn home_archive(bytes: &[u8], home: &Path) {
    let Ok(head) = archive::unpack(bytes, home) else {
        return;
    };
    let before = plain_files(home);
    assert!(before <= bytes.len(), "a file costs bytes");
    // What cannot be read any more is left out of the next one.
    if let Ok(packed) = archive::pack(home, &[], &head) {
        assert!(packed.left_out <= before);
    }
}

fn plain_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let kind = entry.file_type().ok();
            assert!(kind.is_some_and(|kind| kind.is_dir() || kind.is_file()));
            match kind.is_some_and(|kind| kind.is_dir()) {
                true => plain_files(&entry.path()),
                false => 1,
            }
        })
        .sum()
}

/// `policy.toml`. No file but one that says so lets a run go without a sandbox.
///
/// # Panics
/// A promise is broken.
pub fn policy(text: &str) {
    let Ok(policy) = Policy::parse(text) else {
        return;
    };
    assert!(text.contains("isolation") || policy.allows_isolation(Isolation::None).is_err());
    assert!(policy.allows_isolation(Isolation::Vm).is_ok());
    assert!(policy.boots() <= text.contains("boot_vm"));
    assert!(text.contains("remotes") || policy.allows_remote(text).is_ok());
    for (limit, value) in policy.limits() {
        assert!(*value >= limit.least());
    }
}

/// A request of a run's git. However it arrives, it is read as the same.
///
/// # Panics
/// A promise is broken.
pub fn broker_request(bytes: &[u8]) {
    let at_once = request(&mut &*bytes);
    let in_drops = request(&mut Drops(bytes));
    assert_eq!(at_once, in_drops);
    if let Some((head, Some(body))) = at_once {
        assert!(body.len() as u64 <= BODY_MAX);
        let plain = |text: &str| !text.contains([' ', '\n']);
        assert!(plain(&head.method) && plain(&head.path) && plain(&head.query));
    }
}

fn request(from: &mut (impl AsyncRead + Unpin)) -> Option<(Head, Option<Vec<u8>>)> {
    let (head, first) = http::head(from).now_or_never()?.ok()?;
    let mut stream = tokio::io::join(from, tokio::io::sink());
    let mut body = Vec::new();
    let read = http::body(&head, first, &mut stream, &mut body, BODY_MAX).now_or_never()?;
    Some((head, read.ok().map(|()| body)))
}

/// Gives a byte at a time.
struct Drops<'a>(&'a [u8]);

impl AsyncRead for Drops<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let (Some((byte, rest)), true) = (self.0.split_first(), to.remaining() > 0) {
            to.put_slice(&[*byte]);
            self.0 = rest;
        }
        Poll::Ready(Ok(()))
    }
}
