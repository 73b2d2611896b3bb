//! Taking files out of a checkout so that git does not notice (git-update-index(1), "SKIP-WORKTREE
//! BIT").

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::Shape;
use crate::lock::Hold;
use crate::process::Input;
use crate::read::{MAX_LIST, fields};
use crate::{GitError, Result, Store};

impl Store {
    /// Takes out of `files`, the checkout that `git_dir` belongs to, what the shape leaves out.
    /// Nobody but us may have been there.
    pub(super) async fn leave_out(
        &self,
        hold: &Hold,
        shape: &Shape,
        git_dir: &Path,
        files: &Path,
    ) -> Result<()> {
        let Some(left_out) = shape.left_out() else {
            return Ok(());
        };
        let io = || GitError::io("leaving files out of the workspace");
        let index = git_dir.join("index");
        let call = |args: &[&str]| {
            Ok::<_, GitError>(
                self.call(hold, "leaving files out of the workspace", args.to_vec())?
                    .env("GIT_DIR", git_dir)
                    .env("GIT_WORK_TREE", files)
                    .env("GIT_INDEX_FILE", &index)
                    .cwd(files),
            )
        };
        let list = self
            .done(call(&["ls-files", "-z", "--full-name"])?.limit(MAX_LIST))
            .await?;
        let mut paths = Vec::new();
        for path in fields(&list.stdout) {
            // A rule is about names that people write; others are none of its business.
            if std::str::from_utf8(path).is_ok_and(left_out.rule) {
                paths.extend_from_slice(path);
                paths.push(0);
            }
        }
        if paths.is_empty() {
            return Ok(());
        }
        let marked = call(&["update-index", "--skip-worktree", "-z", "--stdin"])?;
        self.done(marked.input(Input::Bytes(paths.clone()))).await?;
        for path in fields(&paths) {
            let path = Path::new(std::ffi::OsStr::from_bytes(path));
            let file = files.join(path);
            match std::fs::symlink_metadata(&file) {
                // A submodule's mount point is left alone.
                Ok(meta) if meta.is_dir() => continue,
                Ok(_) => std::fs::remove_file(&file).map_err(io())?,
                Err(_) => {}
            }
            // Folders that are empty now; the first that is not ends it.
            let above = path.ancestors().skip(1);
            for folder in above.filter(|folder| !folder.as_os_str().is_empty()) {
                if std::fs::remove_dir(files.join(folder)).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }
}
