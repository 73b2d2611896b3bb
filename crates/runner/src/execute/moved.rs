//! The target has moved since the run began: the agent of a later turn is shown where it is now.

use std::io::Write as _;
use std::time::Duration;

use freehold_model::Reason;
use serde::Serialize;

use super::Desk;
use super::collect::git_alone;
use super::stage::Staged;
use crate::failure::Halt;
use crate::process;

/// One ref is written.
const WITHIN: Duration = Duration::from_secs(60);
const SCRIPT: &str = r#"git update-ref "refs/remotes/$2" "$1""#;

/// Where the target is, as the agent finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Moved {
    /// The branch on the remote.
    pub(super) branch: String,
    /// What it points to.
    pub(super) commit: String,
    /// What it is called in the workspace.
    #[serde(rename = "ref")]
    pub(super) name: String,
}

impl Moved {
    /// What a person would say of it.
    pub(super) fn words(&self) -> String {
        let Self {
            branch,
            commit,
            name,
        } = self;
        format!(
            "\n\nThe branch {branch} has moved to {commit} since this work began. It is here as \
             {name}; merge it into the work, so that the work can land."
        )
    }
}

/// Makes the target's tip a ref of the workspace. git runs inside: an agent has been in there.
pub(super) async fn show(desk: &Desk<'_>, staged: &Staged) -> Result<Option<Moved>, Halt> {
    let Some(tip) = &staged.moved else {
        return Ok(None);
    };
    let branch = desk.order.project.target.clone();
    let moved = Moved {
        name: format!("origin/{branch}"),
        branch,
        commit: tip.to_string(),
    };
    if !desk.report.walls.isolation.is_sandboxed() {
        // No agent has worked in this git directory yet, and a ref is a file with a line. Setup has:
        // what it may have put there is neither followed nor waited for.
        let file = staged.folder.scratch.join("refs/remotes").join(&moved.name);
        file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::File::create_new(file)?.write_all(format!("{}\n", moved.commit).as_bytes())?;
        return Ok(Some(moved));
    }
    let mut spec = git_alone(desk, staged).await?;
    let args = ["-c", SCRIPT, "moved", &moved.commit, &moved.name];
    spec.args = args.map(Into::into).to_vec();
    let ran = process::run(desk.report, &spec, "stage", WITHIN).await?;
    if ran.exit.code == Some(0) && !ran.timed_out {
        return Ok(Some(moved));
    }
    let detail = format!("git failed in the workspace: {}\n{}", ran.how(), ran.tail);
    Err(Halt::failed(Reason::WorkspaceGone, detail))
}
