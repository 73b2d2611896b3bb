//! Projects.

use freehold_model::directory::DirectoryError;
use freehold_model::{Directory, Isolation, ProjectId};
use freehold_store::{ProjectRow, StoreError, Tx};
use freehold_wire::api::{EditProject, NewProject, Page, Project, Record};
use freehold_wire::link::{Probe, Probed};
use freehold_wire::problem::{Code, Problem};

use crate::tag::{self, Expected};
use crate::{Caller, Engine, Error, Result, refuse};

/// Most that one project may have for one of another's: beyond it the other might as well not be there.
const SHARE_MAX: u32 = 100;
/// Where a project's record lives unless its owner says otherwise: a ref that no clone fetches.
const RECORD_REF: &str = "refs/freehold/record";
/// The folder in the record.
const RECORD_PATH: &str = "";
/// The branch of a repository that has none yet.
const FIRST_BRANCH: &str = "main";

/// Checks a name that people type: letters, digits, `-`, `_`, `.`; 1 to 64, not starting with a
/// dot or a dash, so that it is safe in a path, a command line and a URL.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let fits = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && !name.starts_with(['-', '.']);
    if fits {
        return Ok(());
    }
    refuse(
        Code::Invalid,
        format!(
            "`{}` is not a name: letters, digits, -, _ and ., at most 64",
            shorten(name)
        ),
    )
}

/// The folder that somebody named; nothing where they mean the whole repository. Whether it is there
/// only a runner can see, and does with each run: branches change.
fn folder(text: &str) -> Result<Option<Directory>> {
    if matches!(text, "" | "." | "/") {
        return Ok(None);
    }
    match text.parse() {
        Ok(directory) => Ok(Some(directory)),
        Err(error) => {
            let error: DirectoryError = error;
            Err(Problem::new(Code::Invalid, error.to_string())
                .next("name a folder of the repository, such as `services/api`")
                .into())
        }
    }
}

/// A few characters of what somebody sent, for an error message.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// A unique name that was taken becomes a refusal that says so.
pub(crate) fn taken(error: StoreError, what: &str, name: &str) -> Error {
    match error {
        StoreError::Taken { .. } => {
            Problem::new(Code::Exists, format!("the {what} name `{name}` is taken")).into()
        }
        other => other.into(),
    }
}

pub(crate) fn view(row: ProjectRow) -> Result<Project> {
    let (remote, reference, path) = row.record;
    Ok(Project {
        id: row.id,
        name: row.name,
        remote: row.remote,
        target: row.target,
        egress: row.egress.parse().map_err(Error::Internal)?,
        isolation_at_least: row.isolation_at_least,
        directory: row.directory.map(String::from),
        share: row.share,
        record: Record {
            remote,
            reference,
            path,
        },
        created_at: row.created_at,
    })
}

impl Engine {
    /// Adds a project after a runner has read its remote.
    ///
    /// # Errors
    /// [`Code::Exists`], [`Code::RemoteRefused`], [`Code::NoRunner`], [`Code::Invalid`].
    pub async fn project_add(&self, caller: &Caller, new: NewProject) -> Result<Project> {
        check_name(&new.name)?;
        let directory = folder(new.directory.as_deref().unwrap_or_default())?;
        let mut tx = self.store().begin(caller.tenant).await?;
        if tx.project_named(&new.name).await?.is_some() {
            return refuse(
                Code::Exists,
                format!("the project name `{}` is taken", new.name),
            );
        }
        drop(tx);
        let target = self
            .probe_remote(caller, &new.remote, new.target.as_deref())
            .await?;
        let row = ProjectRow {
            id: self.new_id(),
            name: new.name,
            egress: new.egress.name().to_owned(),
            isolation_at_least: None,
            directory,
            share: 1,
            record: (
                new.remote.clone(),
                RECORD_REF.to_owned(),
                RECORD_PATH.to_owned(),
            ),
            repository: self.new_id(),
            remote: new.remote,
            target,
            created_at: self.now(),
        };
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.project_insert(&row)
            .await
            .map_err(|e| taken(e, "project", &row.name))?;
        self.audit(
            &mut tx,
            caller,
            "project.create",
            &row.id.to_string(),
            "setup",
        )
        .await?;
        tx.commit().await?;
        view(row)
    }

    /// Changes a project's name, target, egress, least isolation or folder. Runs that were asked for keep what they had.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::Exists`], [`Code::RemoteRefused`] for a branch that is not
    /// there, [`Code::NoRunner`] where none can look, [`Code::Invalid`].
    pub async fn project_edit(
        &self,
        caller: &Caller,
        reference: &str,
        edit: EditProject,
        expected: &Expected,
    ) -> Result<Project> {
        if let Some(share) = edit.share
            && !(1..=SHARE_MAX).contains(&share)
        {
            let detail = format!("a project's share is 1 to {SHARE_MAX}");
            return refuse(Code::Invalid, detail);
        }
        if let Some(name) = &edit.name {
            check_name(name)?;
        }
        let directory = edit.directory.as_deref().map(folder).transpose()?;
        let mut tx = self.store().begin(caller.tenant).await?;
        let seen = find(&mut tx, reference).await?;
        drop(tx);
        // Before a runner is asked, and once more behind the lock.
        expected.check(&tag::of(&view(seen.clone())?)?)?;
        let target = match edit.target.filter(|target| *target != seen.target) {
            Some(target) => Some(
                self.probe_remote(caller, &seen.remote, Some(&target))
                    .await?,
            ),
            None => None,
        };
        // Looking takes seconds: what others changed meanwhile, and this does not, stays.
        let mut tx = self.store().begin(caller.tenant).await?;
        tx.project_lock(seen.id).await?;
        let mut row = find(&mut tx, &seen.id.to_string()).await?;
        expected.check(&tag::of(&view(row.clone())?)?)?;
        row.target = target.unwrap_or(row.target);
        row.name = edit.name.unwrap_or(row.name);
        if let Some(egress) = edit.egress {
            row.egress = egress.name().to_owned();
        }
        if let Some(least) = edit.isolation_at_least {
            row.isolation_at_least = (least > Isolation::None).then_some(least);
        }
        if let Some(directory) = directory {
            row.directory = directory;
        }
        row.share = edit.share.unwrap_or(row.share);
        tx.project_write(&row)
            .await
            .map_err(|e| taken(e, "project", &row.name))?;
        let id = row.id.to_string();
        self.audit(&mut tx, caller, "project.edit", &id, "setup")
            .await?;
        tx.commit().await?;
        view(row)
    }

    /// The target branch, once a runner has seen that the remote is fit.
    async fn probe_remote(
        &self,
        caller: &Caller,
        remote: &str,
        target: Option<&str>,
    ) -> Result<String> {
        let probe = Probe::Remote {
            remote: remote.to_owned(),
            target: target.map(str::to_owned),
        };
        match (self.ask(caller, probe).await?, target) {
            (Probed::Failed { message, next }, _) => {
                Err(Problem::new(Code::RemoteRefused, message).next(next).into())
            }
            (
                Probed::Remote {
                    empty: true, head, ..
                },
                wanted,
            ) => Ok(wanted
                .map(str::to_owned)
                .or(head)
                .unwrap_or_else(|| FIRST_BRANCH.to_owned())),
            (Probed::Remote { target: true, .. }, Some(wanted)) => Ok(wanted.to_owned()),
            (Probed::Remote { .. }, Some(wanted)) => Err(Problem::new(
                Code::RemoteRefused,
                format!("the remote has no branch `{}`", shorten(wanted)),
            )
            .next("name a branch that exists with `--target`, or push that branch first")
            .into()),
            (
                Probed::Remote {
                    head: Some(head), ..
                },
                None,
            ) => Ok(head),
            (Probed::Remote { head: None, .. }, None) => Err(Problem::new(
                Code::RemoteRefused,
                "the remote does not say which branch is its default",
            )
            .next("name the branch with `--target`")
            .into()),
            (Probed::Provider { .. }, _) => Err(Error::Internal(
                "the runner answered another question".into(),
            )),
        }
    }

    /// A project by id or name.
    ///
    /// # Errors
    /// [`Code::NotFound`].
    pub async fn project_show(&self, caller: &Caller, reference: &str) -> Result<Project> {
        let mut tx = self.store().begin(caller.tenant).await?;
        view(find(&mut tx, reference).await?)
    }

    /// Projects, oldest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn project_list(
        &self,
        caller: &Caller,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Page<Project>> {
        let mut tx = self.store().begin(caller.tenant).await?;
        let rows = tx.project_list(after, i64::from(limit) + 1).await?;
        page(rows, limit, |row| row.id.to_string(), view)
    }
}

/// One page of at most `limit` of the rows, which were read with one more than that.
pub(crate) fn page<R, T>(
    mut rows: Vec<R>,
    limit: u32,
    cursor: impl Fn(&R) -> String,
    view: impl Fn(R) -> Result<T>,
) -> Result<Page<T>> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = if more { rows.last().map(cursor) } else { None };
    let items = rows.into_iter().map(view).collect::<Result<_>>()?;
    Ok(Page { items, next })
}

/// A project by id or name, or a refusal that names it.
pub(crate) async fn find(tx: &mut Tx, reference: &str) -> Result<ProjectRow> {
    let row = match reference.parse() {
        Ok(id) => tx.project_get(id).await?,
        Err(_) => tx.project_get_named(reference).await?,
    };
    row.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            format!("there is no project `{}`", shorten(reference)),
        )
        .next("see `freehold project list`")
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_safe_everywhere() {
        for good in ["demo", "My-App_2.0", "a"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", ".git", "a/b", "a b", "ä", &"x".repeat(65), "a\n"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
