//! The only git: clean stores, workspaces, bundles, landing.
//!
//! Everything that runs `git` on the host is here, and every process starts from an empty
//! environment with the features that turn metadata into code switched off. The room knows nothing
//! of sandboxes, servers or runs beyond their name and epoch: it moves objects between the client's
//! remote, a clean bare *store* and a *workspace*, and lets the remote arbitrate who may push.
//!
//! Dropping any future here kills the git processes it started; nothing half done reaches a ref.

mod bundle;
mod claim;
mod diff;
mod error;
mod find;
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod import;
mod land;
mod lfs;
mod lock;
mod merge;
mod named;
mod names;
mod process;
mod push;
mod read;
mod remote;
mod said;
mod sealed;
mod serve;
mod stage;
mod store;
pub mod walk;
mod workspace;

pub use claim::Claim;
pub use diff::{ChangedFile, EMPTY_DIFF_DIGEST};
pub use error::GitError;
pub use find::{Credentials, Deadlines, FLOOR, Git, Identity, Options, Version};
pub use import::{ImportLimits, Imported};
pub use land::Land;
pub use lfs::Lfs;
pub use merge::{Merge, Signature};
pub use names::{BranchName, Oid, RunRef};
pub use remote::{Remote, RemoteInfo};
pub use serve::{FETCH_REQUEST_MAX, PushRequest, Shown};
pub use stage::BRANCH;
pub use store::Store;
pub use workspace::{
    FILES_MAX, HostTree, Laid, LeftOut, Owner, Shape, Workspace, look_through, release,
    remove_tree, reopen,
};

/// What every operation of this room returns.
pub type Result<T, E = GitError> = std::result::Result<T, E>;
