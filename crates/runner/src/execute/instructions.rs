//! The project's own words for agents: told to them on purpose, from the target branch. What an
//! agent wrote itself, or a branch that nobody has approved, instructs nobody.

use freehold_git::{GitError, Oid, Store};
use freehold_model::Directory;

use super::Desk;
use crate::failure::Halt;
use crate::report::Report;

/// The first that is there counts; the others say the same to other agents.
const FILES: [&str; 3] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md"];
/// About 16,000 tokens. A longer file is not cut: half an instruction may say the opposite.
const BYTES_MAX: usize = 64 * 1024;

/// Reads them as the target has them, and says in the run's events from where they are: the root's,
/// and after them those of the project's own folder, which are the nearer ones.
pub(super) async fn read(
    desk: &Desk<'_>,
    store: &Store,
    target: Option<&Oid>,
) -> Result<Option<String>, Halt> {
    let Some(target) = target else {
        return Ok(None);
    };
    let own = desk.order.project.directory.as_ref();
    let folders = [None].into_iter().chain(own.map(Some));
    let mut told = Vec::new();
    for folder in folders {
        told.extend(in_folder(desk.report, store, target, folder).await?);
    }
    Ok((!told.is_empty()).then(|| told.join("\n\n")))
}

async fn in_folder(
    report: &Report,
    store: &Store,
    target: &Oid,
    folder: Option<&Directory>,
) -> Result<Option<String>, Halt> {
    for name in FILES {
        let name = folder.map_or(name.to_owned(), |folder| folder.join(name));
        let note = match store.read_file(target, &name, BYTES_MAX).await {
            Ok(None) => continue,
            Ok(Some(bytes)) => match String::from_utf8(bytes) {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => {
                    report
                        .note(format!("the agent is told {name} of the target branch"))
                        .await?;
                    return Ok(Some(text));
                }
                Err(_) => format!("{name} of the target branch is no UTF-8 text: it is not told"),
            },
            Err(GitError::TooLarge { .. }) => format!(
                "{name} of the target branch is longer than {} KiB: it is not told; shorten it",
                BYTES_MAX / 1024
            ),
            Err(error) => return Err(error.into()),
        };
        report.note(note).await?;
        return Ok(None);
    }
    Ok(None)
}
