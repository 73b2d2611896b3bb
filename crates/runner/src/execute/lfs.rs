//! Files in Git LFS, where the machine's owner has them fetched: workspaces hold the files, commits
//! their pointers. Nobody pushes objects, so that work which changes one goes nowhere.

use freehold_git::{Oid, Store};
use freehold_model::Reason;

use crate::failure::Halt;
use crate::policy::Policy;
use crate::report::Report;

/// Whether commits leave files in Git LFS as they are, where their files are fetched.
///
/// # Errors
/// [`Reason::ImportRefused`]: a commit of `base..head` changes one, or adds one.
pub(crate) async fn keep_out(
    report: &Report,
    store: &Store,
    base: Option<&Oid>,
    head: &Oid,
) -> Result<(), Halt> {
    let policy = Policy::load(&report.context.policy_file())?;
    if policy.lfs(store.remote()).is_none() || !report.walls.isolation.is_sandboxed() {
        return Ok(());
    }
    match store.lfs_changed(base, head).await? {
        None => Ok(()),
        Some(path) => Err(Halt::failed(
            Reason::ImportRefused,
            format!(
                "a commit changes or adds {}, a file in Git LFS, and runs cannot send its bytes there; nothing of it was pushed. Reply that the commits must be made anew without it, or change that file yourself",
                path.display()
            ),
        )),
    }
}
