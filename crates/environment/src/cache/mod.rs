//! What setup made, kept per digest of the lock files: `node_modules`, virtual environments, `target`,
//! and what the clients put into the sandbox's home.
//!
//! ```text
//! Listing::of(work), Listing::of(home) ── setup ── added() ── Cache::save(key, …)
//! next run: Cache::restore(key, …) instead of setup
//! ```
//!
//! Copies are reflinks where the file system shares blocks and plain copies elsewhere; never hard
//! links, or a run could change the cache. No link is followed on either side: the work tree was
//! written by code of the repository. An entry appears by one rename and goes by one rename, so that
//! a half-written one is never used and a runner that is killed leaves nothing but rubbish that the
//! next start removes.

mod copy;
pub(crate) mod folder;
mod key;
mod listing;
mod place;
mod store;

use std::io;
use std::path::PathBuf;

pub use key::{Key, KeyParts, is_key_file};
pub use listing::{HOME_SKIPPED, Listing};
pub use store::{Cache, Limits, Places, Restored, Saved};

/// Why an entry could not be made or used. Setup can always be run instead.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The disk.
    #[error("the setup cache cannot use {}: check its space and who may write there", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// More than a tree may hold.
    #[error("the setup made too much to keep: more than {limit} {what}; it will run each time")]
    TooBig {
        /// The bound.
        limit: u64,
        /// Of what: `bytes`, `files` or `levels`.
        what: &'static str,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl CacheError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}
