//! What a caller decides.

use std::path::PathBuf;
use std::time::Duration;

/// The one database.
pub const DATABASE: &str = "freehold";
/// Owns the database and its schema; runs migrations.
pub const OWNER_ROLE: &str = "freehold_owner";
/// What the server connects as: owns nothing, so that row-level security holds for it.
pub const APP_ROLE: &str = "freehold_app";
/// Part of the socket's file name; nothing listens on TCP.
pub const PORT: u16 = 5432;

/// Oldest major that a data directory is made with: the schema needs what came with 15 (`public` closed to all but its owner).
pub(crate) const OLDEST_MAJOR: u32 = 15;
/// A server that replays much of its log is slow to start; one that says nothing for this long is broken.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(300);
/// initdb and the statements after it take a second on a laptop, and minutes on a disk that is busy.
pub(crate) const SETUP_LIMIT: Duration = Duration::from_secs(180);
/// Dump and restore of a local installation. Past this something hangs.
pub(crate) const UPGRADE_LIMIT: Duration = Duration::from_secs(3600);
/// One direction of a copy of a large installation. Past this something hangs.
pub(crate) const COPY_LIMIT: Duration = Duration::from_secs(6 * 3600);
/// A fast shutdown writes one checkpoint.
pub(crate) const FAST_STOP_LIMIT: Duration = Duration::from_secs(20);
/// An immediate shutdown writes nothing.
pub(crate) const IMMEDIATE_STOP_LIMIT: Duration = Duration::from_secs(5);
/// How often a file or a process is looked at while waiting for it.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// How to run PostgreSQL. [`Options::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory, made when missing. Its parent is made too, readable by the caller only.
    pub data: PathBuf,
    /// Use the binaries in this directory and no others (`FREEHOLD_PG_BIN`).
    pub binaries: Option<PathBuf>,
    /// Directories of `PATH`, the last place where binaries are looked for.
    pub search_path: Vec<PathBuf>,
    /// Where a short socket path may live when that of `data` is too long (`XDG_RUNTIME_DIR`). Must be the caller's own.
    pub runtime_dir: Option<PathBuf>,
    /// Started by root: the user to run as. `None` takes `postgres`, else `nobody`.
    pub as_user: Option<String>,
    /// `false` skips every wait for the disk: for tests, whose data no one misses.
    pub durable: bool,
    /// For tests: the owner may create databases, and both roles may connect to all of them. Read when the data directory
    /// is made (the role) and at every start (who may connect).
    pub allow_createdb: bool,
}

impl Options {
    /// Durable, found binaries, default user.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            binaries: None,
            search_path: ["/usr/local/bin", "/usr/bin"].map(PathBuf::from).to_vec(),
            runtime_dir: None,
            as_user: None,
            durable: true,
            allow_createdb: false,
        }
    }
}
