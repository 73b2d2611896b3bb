//! `freehold audit`: who did what, and the proof of it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use freehold_wire::api::{AuditEntry, AuditHead, Page};
use freehold_wire::audit::{Cut, Verifier};
use serde::Serialize;

use crate::client::{Client, Route};
use crate::failure::{Exit, Failure};
use crate::print::{Printer, audit as print};
use crate::words::{AuditList, AuditWords};

/// The longest line that is held: a verifier refuses far shorter ones.
const LINE_MAX: u64 = 1024 * 1024;

/// What asks a server.
pub(super) async fn run(
    words: AuditWords,
    client: &Client,
    printer: Printer,
) -> Result<(), Failure> {
    match words {
        AuditWords::List(words) => list(words, client, printer).await,
        AuditWords::Export { after } => export(after, client, printer).await,
        AuditWords::Head => {
            let head: AuditHead = client.get(&Route::to("audit").then("head")).await?;
            printer.show(&head, print::head)
        }
        AuditWords::Verify { files, key } => verify(&files, key, printer),
    }
}

async fn list(words: AuditList, client: &Client, printer: Printer) -> Result<(), Failure> {
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| at.map(|at| at.to_rfc3339());
    let route = Route::to("audit")
        .filter("actor", words.actor.as_ref())
        .filter("action", words.action.as_ref())
        .filter("resource", words.resource.as_ref())
        .filter("since", time(words.since).as_ref())
        .filter("until", time(words.until).as_ref())
        .filter("after", words.after.as_ref())
        .query("limit", words.limit);
    let page: Page<AuditEntry> = client.get(&route).await?;
    printer.show(&page, print::entries)
}

/// Passes the lines on as they come. Half a log is no log: a stream that breaks off fails.
async fn export(after: u64, client: &Client, printer: Printer) -> Result<(), Failure> {
    let route = Route::to("audit").then("export").query("after", after);
    let mut response = client.open(&route, "application/x-ndjson").await?;
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => {
                if printer.stream(&bytes)?.is_break() {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => {
                return Err(Failure::unreachable(
                    "the export broke off: what was printed is not all",
                    "ask again; `--after` goes on behind the last whole entry",
                ));
            }
        }
    }
}

/// What was found to hold.
#[derive(Debug, Serialize)]
pub(crate) struct Verified {
    pub(crate) tenant: String,
    pub(crate) key: String,
    pub(crate) pinned: bool,
    pub(crate) entries: u64,
    /// Of those, entries whose words were let go.
    pub(crate) gone: u64,
    /// The number of the first entry.
    pub(crate) begins: u64,
    /// What was let go before it, where a signed cut says so.
    pub(crate) cut: Option<Cut>,
    pub(crate) checkpoints: u64,
    /// The last entry that a signature covers.
    pub(crate) signed_to: u64,
    /// The last entry.
    pub(crate) last: u64,
    pub(crate) hash: String,
}

/// Checks files with no server.
pub(crate) fn verify(
    files: &[impl AsRef<Path>],
    key: Option<[u8; 32]>,
    printer: Printer,
) -> Result<(), Failure> {
    let mut verifier = Verifier::new(key);
    for file in files {
        let is_stdin = file.as_ref().as_os_str() == "-";
        let name = match is_stdin {
            true => "standard input".to_owned(),
            false => file.as_ref().display().to_string(),
        };
        let unreadable = |error: &io::Error| {
            Failure::usage(
                format!("{name} cannot be read: {error}"),
                "name a file that `freehold audit export` wrote",
            )
        };
        let reader: Box<dyn BufRead> = match is_stdin {
            true => Box::new(io::stdin().lock()),
            false => Box::new(BufReader::new(
                File::open(file).map_err(|error| unreadable(&error))?,
            )),
        };
        verifier.next_file();
        lines(reader, |line| {
            verifier.take(line).map_err(|broken| {
                let held = verifier.place().map_or(0, |place| place.n);
                Failure::new(
                    Exit::Failed,
                    "audit_broken",
                    format!("{name}, {broken}"),
                    format!("what is up to entry {held} holds; from there on the log was changed, or the file is not whole"),
                )
            })
        })
        .map_err(|error| error.unwrap_or_else(|error| unreadable(&error)))?;
    }
    let (Some(head), Some(place)) = (verifier.head(), verifier.place()) else {
        return Err(Failure::new(
            Exit::Failed,
            "audit_broken",
            "there is nothing in it",
            "export the log: `freehold audit export`",
        ));
    };
    let verified = Verified {
        tenant: head.tenant.clone(),
        key: freehold_wire::base64url::encode(&head.key),
        pinned: key.is_some(),
        entries: verifier.seen.entries,
        gone: verifier.seen.gone,
        begins: verifier.seen.begins,
        cut: verifier.seen.cut.clone(),
        checkpoints: verifier.seen.checkpoints,
        signed_to: verifier.seen.signed_to,
        last: place.n,
        hash: place.hash.as_str().to_owned(),
    };
    printer.show(&verified, print::verified)
}

/// Each line of a file, none held beyond [`LINE_MAX`] bytes.
fn lines(
    mut reader: impl BufRead,
    mut take: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Result<Failure, io::Error>> {
    loop {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line);
        if read.map_err(Err)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        take(text.trim_end_matches('\n')).map_err(Ok)?;
    }
}
