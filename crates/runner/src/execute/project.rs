//! What a project says of itself: its file and its folder, as a commit of the store has them and never
//! as a folder has them that an agent could write to.

use freehold_environment::project::{PROJECT_FILE, ProjectFile, parse};
use freehold_git::{GitError, Oid, Store};
use freehold_model::{Directory, Reason};
use freehold_wire::order::ProjectRef;

use super::devcontainer;
use crate::failure::{Halt, because, chain};
use crate::report::Report;

/// Largest project file that is read; its parser has a smaller bound and a better message.
const FILE_MAX: usize = 1 << 20;

/// The project's own word on setup and checks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Project {
    pub(crate) file: ProjectFile,
    pub(crate) warnings: Vec<String>,
    /// There is no such file on the target branch.
    pub(crate) absent: bool,
    /// The image that a devcontainer file names.
    pub(crate) image: Option<String>,
    /// The commit of the target branch that was read; none in an empty remote.
    pub(crate) at: Option<Oid>,
}

/// Reads the file as `base` has it: the one in the project's own folder, or the root's where that
/// folder has none.
pub(crate) async fn read(
    store: &Store,
    base: Option<&Oid>,
    directory: Option<&Directory>,
) -> Result<Project, Halt> {
    let own = directory.map(|directory| directory.join(PROJECT_FILE));
    let mut bytes = Ok(None);
    if let Some(base) = base {
        for path in own.as_deref().into_iter().chain([PROJECT_FILE]) {
            bytes = store.read_file(base, path, FILE_MAX).await;
            if !matches!(bytes, Ok(None)) {
                break;
            }
        }
    }
    let bytes = match bytes {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Ok(Project {
                absent: true,
                at: base.cloned(),
                ..Project::default()
            });
        }
        Err(error @ GitError::TooLarge { .. }) => {
            return Err(Halt::failed(Reason::ProjectFile, chain(&error)));
        }
        Err(error) => return Err(error.into()),
    };
    let parsed = parse(&bytes).map_err(|error| because(Reason::ProjectFile, &error))?;
    Ok(Project {
        file: parsed.file,
        warnings: parsed.warnings,
        at: base.cloned(),
        ..Project::default()
    })
}

/// As [`read`], with what a devcontainer file adds.
pub(crate) async fn read_all(
    store: &Store,
    base: Option<&Oid>,
    directory: Option<&Directory>,
) -> Result<Project, Halt> {
    let Some(base) = base else {
        return read(store, base, directory).await;
    };
    let (project, found) = tokio::try_join!(
        read(store, Some(base), directory),
        devcontainer::find(store, base)
    )?;
    let mut project = project;
    if let Some(found) = found {
        devcontainer::fill(&mut project, found);
    }
    Ok(project)
}

/// As [`read_all`], of the target branch; what is remarkable about it is told in the run's events.
pub(crate) async fn of_target(
    report: &Report,
    store: &Store,
    base: Option<&Oid>,
    about: &ProjectRef,
) -> Result<Project, Halt> {
    let read = read_all(store, base, about.directory.as_ref()).await?;
    for warning in &read.warnings {
        report.note(warning.clone()).await?;
    }
    if read.absent {
        report
            .note(format!(
                "{} is not on the target branch: {}; `freehold up` in the repository proposes one",
                PROJECT_FILE,
                match read.file.setup {
                    Some(_) => "no checks",
                    None => "no setup and no checks",
                }
            ))
            .await?;
    }
    Ok(read)
}

/// Whether the project's folder is in a commit; a project without one is always there.
///
/// # Errors
/// [`Reason::DirectoryMissing`], for people: which folder, and in which commit it is not.
pub(crate) async fn is_there(
    store: &Store,
    commit: Option<&Oid>,
    project: &ProjectRef,
) -> Result<(), Halt> {
    let Some(directory) = &project.directory else {
        return Ok(());
    };
    let there = match commit {
        Some(commit) => store.has_folder(commit, directory.as_str()).await?,
        None => false,
    };
    if there {
        return Ok(());
    }
    let commit = commit.map_or("the empty repository".to_owned(), ToString::to_string);
    Err(Halt::failed(
        Reason::DirectoryMissing,
        format!(
            "the project {} is about the folder {directory}, which is not in {commit}",
            project.name
        ),
    ))
}
