//! The store, served to an agent's own git: what a run may see of it can be fetched, and a push to
//! the run's own branch is taken in as strictly as the work at its end.
//!
//! The protocol is version 0 over HTTP (gitprotocol-http(5)), without its HTTP: bodies in, bodies
//! out. git never sees a request that was not read word by word here, and runs on a repository of
//! ours alone.

pub(crate) mod pktline;
pub(crate) mod push;

use std::fs::File;
use std::path::Path;

pub use push::PushRequest;

use crate::process::{Call, Input};
use crate::stage::{alternate, write};
use crate::{GitError, Oid, Result, Store};

/// Largest request of a fetch: the names of some ten thousand commits.
pub const FETCH_REQUEST_MAX: usize = 1 << 20;
/// Most output of the list of refs.
const REFS_MAX: usize = 1 << 20;

/// The refs that a run is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Full names, `refs/heads/…`, sorted.
    pub refs: std::collections::BTreeMap<String, Oid>,
}

/// A repository with these refs and the store's objects, gone when dropped.
struct View {
    dir: std::path::PathBuf,
}

impl Drop for View {
    fn drop(&mut self) {
        // What is left goes with the next opening of the store.
        let _gone = std::fs::remove_dir_all(&self.dir);
    }
}

impl Store {
    fn view(&self, hold: &crate::lock::Hold, shown: &Shown) -> Result<View> {
        let view = View {
            dir: self.temporary(hold)?,
        };
        let io = || GitError::io("showing the store");
        for dir in ["objects/info", "refs"] {
            std::fs::create_dir_all(view.dir.join(dir)).map_err(io())?;
        }
        let objects = alternate(&self.objects())?;
        write(&view.dir.join("objects/info/alternates"), &objects)?;
        let (version, extensions) = match self.is_sha256() {
            true => (1, "[extensions]\n\tobjectFormat = sha256\n"),
            false => (0, ""),
        };
        let config =
            format!("[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extensions}");
        write(&view.dir.join("config"), &config)?;
        let mut packed = String::from("# pack-refs with: sorted \n");
        for (name, oid) in &shown.refs {
            packed.push_str(&format!("{oid} {name}\n"));
        }
        write(&view.dir.join("packed-refs"), &packed)?;
        let head = shown
            .refs
            .keys()
            .next()
            .map_or("refs/heads/none", |name| name);
        write(&view.dir.join("HEAD"), &format!("ref: {head}\n"))?;
        Ok(view)
    }

    fn upload_pack(
        &self,
        hold: &crate::lock::Hold,
        view: &View,
        flag: Option<&str>,
    ) -> Result<Call> {
        let call = self.call(
            hold,
            "showing the store",
            ["upload-pack", "--stateless-rpc", "--strict"],
        )?;
        let call = match flag {
            Some(flag) => call.arg(flag),
            None => call,
        };
        Ok(call
            .arg("--end-of-options")
            .arg(&view.dir)
            .env("GIT_DIR", &view.dir))
    }

    /// What `GET …/info/refs?service=git-upload-pack` answers.
    ///
    /// # Errors
    /// [`GitError::Corrupt`], [`GitError::Io`].
    pub async fn fetch_refs(&self, shown: &Shown) -> Result<Vec<u8>> {
        let hold = self.hold().await?;
        let view = self.view(&hold, shown)?;
        let call = self.upload_pack(&hold, &view, Some("--http-backend-info-refs"))?;
        let refs = self.done(call.limit(REFS_MAX)).await?.stdout;
        let mut answer = pktline::line(b"# service=git-upload-pack\n");
        answer.extend_from_slice(pktline::FLUSH);
        answer.extend_from_slice(&refs);
        Ok(answer)
    }

    /// What `POST …/git-upload-pack` answers, written to `answer`. Only what the shown refs lead to is
    /// given.
    ///
    /// # Errors
    /// [`GitError::BadRequest`], and git saw nothing of it; [`GitError::Failed`] for a commit that is not
    /// shown.
    pub async fn fetch_pack(&self, shown: &Shown, request: &[u8], answer: &Path) -> Result<()> {
        if request.len() > FETCH_REQUEST_MAX {
            return Err(GitError::TooLarge {
                what: "the request",
                limit: FETCH_REQUEST_MAX as u64,
                found: Some(request.len() as u64),
            });
        }
        pktline::check_fetch(request, self.is_sha256())?;
        let hold = self.hold().await?;
        let view = self.view(&hold, shown)?;
        let file = File::create(answer).map_err(GitError::io("showing the store"))?;
        let call = self
            .upload_pack(&hold, &view, None)?
            .no_store()
            .input(Input::Bytes(request.to_vec()))
            .into_file(file);
        self.git.run(call).await?.success().map(drop)
    }
}
