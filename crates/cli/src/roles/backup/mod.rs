//! Backup and restore of an installation.
//!
//! Consistent without a pause: one snapshot of the database first, then the blobs that its rows name.
//! A blob is durable before its row is, is never changed, and is not deleted, so rows and then blobs
//! lack nothing. What is written meanwhile is not in it.

mod archive;
mod restore;
mod take;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::archive::Manifest;
use super::process::Ends;
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::print::Printer;
use crate::words::{BackupVerb, BackupWords, RestoreWords};

/// A database that does not answer by then is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// What a session of the schema's owner says to see every row (`store/migrations/0009_lineage.sql`).
const SEES_ALL: &str = "app.backup=on";

/// What was found in a backup, or done with one.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    file: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Path>,
    #[serde(flatten)]
    what: Summary<'a>,
}

#[derive(Debug, Serialize)]
struct Summary<'a> {
    freehold: &'a str,
    made_at: chrono::DateTime<chrono::Utc>,
    schema: i64,
    lineage: freehold_model::LineageId,
    seq: u64,
    rows: &'a freehold_store::Counts,
    blobs: usize,
    missing_blobs: &'a [freehold_model::BlobId],
    bytes: u64,
    has_keys: bool,
}

fn summary(manifest: &Manifest) -> Summary<'_> {
    let blobs = |entry: &&archive::Entry| archive::blob_of(&entry.path).is_some();
    Summary {
        freehold: &manifest.freehold,
        made_at: manifest.made_at,
        schema: manifest.schema,
        lineage: manifest.lineage,
        seq: manifest.seq,
        rows: &manifest.rows,
        blobs: manifest.files.iter().filter(blobs).count(),
        missing_blobs: &manifest.missing_blobs,
        bytes: manifest.files.iter().map(|entry| entry.size).sum(),
        has_keys: manifest.has_keys,
    }
}

/// `backup`, `backup verify`.
pub(crate) fn backup(
    words: BackupWords,
    data: &Path,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    if let Some(BackupVerb::Verify {
        file,
        allow_missing,
    }) = words.verb
    {
        printer.progress("Looking through it …");
        let manifest = archive::read(&file, |_, _| Ok(()))?;
        require_complete(&manifest.missing_blobs, &manifest.rows, allow_missing)?;
        show(printer, &file, None, &manifest, "is whole")?;
        return Ok(ExitCode::SUCCESS);
    }
    let to = words
        .to
        .ok_or_else(|| Failure::usage("there is no place for it", "say one: `--to PATH`"))?;
    let work = take::Backup {
        data,
        to,
        content: words.content,
        has_keys: !words.without_keys,
        allow_missing: words.allow_missing,
        postgres: postgres(environment, data),
        printer,
    };
    let (file, manifest) = until_told(|cancel| work.take(cancel))?;
    show(printer, &file, None, &manifest, "is taken")?;
    Ok(ExitCode::SUCCESS)
}

/// Content that was lost before is no reason to have no backup, but a person shall know of it first.
fn require_complete(
    missing: &[freehold_model::BlobId],
    rows: &freehold_store::Counts,
    allow_missing: bool,
) -> Result<(), Failure> {
    let Some(first) = missing.first().filter(|_| !allow_missing) else {
        return Ok(());
    };
    let all = rows.get("blobs").copied().unwrap_or(0);
    Err(Failure::new(
        Exit::Failed,
        "backup_incomplete",
        format!(
            "{} of {all} blobs that rows name are not there, {first} first: those diffs and conversations are lost",
            missing.len()
        ),
        "see that the content is the right one (`--content`) and put back what is missing; or say `--allow-missing`",
    ))
}

/// `restore`.
pub(crate) fn restore(
    words: &RestoreWords,
    data: &Path,
    environment: &Environment,
    printer: Printer,
) -> anyhow::Result<ExitCode> {
    let work = restore::Restore {
        from: &words.from,
        seal_key: words.seal_key.as_deref(),
        data,
        environment,
        printer,
    };
    let manifest = until_told(|cancel| work.restore(cancel))?;
    show(printer, &words.from, Some(data), &manifest, "is restored")?;
    Ok(ExitCode::SUCCESS)
}

/// Runs it to its end, or until a signal, after which nothing of it is left.
fn until_told<T, F: Future<Output = anyhow::Result<T>>>(
    work: impl FnOnce(CancellationToken) -> F,
) -> anyhow::Result<T> {
    // One thread, the main one: PostgreSQL's programs end with the thread that started them.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut ends = Ends::listen()?;
        let cancel = CancellationToken::new();
        let mut work = Box::pin(work(cancel.clone()));
        tokio::select! {
            done = &mut work => return done,
            () = ends.next() => cancel.cancel(),
        }
        // It stops its PostgreSQL and removes its files. Where it was at its end, it is done.
        work.await.map_err(|_| interrupted().into())
    })
}

fn interrupted() -> Failure {
    let message = "interrupted; nothing was left behind";
    Failure::new(Exit::Failed, "interrupted", message, "start it again")
}

/// Does something that may take long and has nothing to clean up, unless it is not wanted any more.
async fn unless<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(interrupted()),
        done = work => Ok(done),
    }
}

/// How `up` starts the PostgreSQL of an installation.
pub(super) fn postgres(environment: &Environment, data: &Path) -> freehold_postgres::Options {
    let data = super::data::Data::at(data).postgres();
    freehold_postgres::Options {
        binaries: environment.pg_bin.clone(),
        search_path: std::env::split_paths(&environment.path).collect(),
        runtime_dir: environment.runtime_dir.clone(),
        ..freehold_postgres::Options::new(data)
    }
}

fn show(
    printer: Printer,
    file: &Path,
    data: Option<&Path>,
    manifest: &Manifest,
    what: &str,
) -> Result<(), Failure> {
    let shown = Shown {
        file,
        data,
        what: summary(manifest),
    };
    printer.show(&shown, |shown, _| {
        let rows: u64 = shown.what.rows.values().sum();
        let mut lines = vec![
            format!("{} {what}.", shown.file.display()),
            format!("  as of     {}, Freehold {}, schema {}", shown.what.made_at.to_rfc3339(), shown.what.freehold, shown.what.schema),
            format!("  database  {rows} rows of {} tables", shown.what.rows.len()),
            format!("  content   {} blobs", shown.what.blobs),
        ];
        if !shown.what.missing_blobs.is_empty() {
            lines.push(format!(
                "  missing   {} blobs that rows name were not in the installation: those diffs and conversations are lost",
                shown.what.missing_blobs.len()
            ));
        }
        match (shown.data, shown.what.has_keys) {
            (Some(data), _) => lines.push(format!("Next: freehold up --data {}", data.display())),
            (None, true) => lines.push("It holds the server's key: whoever has the file can read everything in it.".into()),
            (None, false) => lines.push("The server's key is not in it: without keys/seal.key nothing in it can be read.".into()),
        }
        lines.join("\n")
    })
}

/// An error of PostgreSQL's, with all its causes.
fn trouble(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::caused(
        "database",
        error,
        "mend that and try again; see `freehold doctor`",
    )
}

/// A file's own place: what its name is relative to is where we are.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display()), "name a path"))
}
