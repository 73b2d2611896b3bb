//! What can go wrong, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why PostgreSQL does not run. Every message says what to do next; sources are separate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// No usable binaries.
    #[error(
        "no PostgreSQL {oldest} or newer found (looked in {looked}). Install the package `postgresql` (`apt-get install postgresql`; \
         only its programs are used, its service need not run), or set FREEHOLD_PG_BIN to the directory that has `postgres` and `initdb`"
    )]
    NoBinaries {
        /// The oldest major that would do.
        oldest: u32,
        /// The places, comma separated.
        looked: String,
    },
    /// `Options::binaries` points at something else.
    #[error(
        "{dir} has no working PostgreSQL ({why}). FREEHOLD_PG_BIN must name the directory that has `postgres` and `initdb`"
    )]
    BadBinaries {
        /// The directory that was named.
        dir: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another process holds the data directory.
    #[error(
        "{data} is in use by {holder}. Stop it first, or choose another data directory with --data"
    )]
    InUse {
        /// The data directory.
        data: PathBuf,
        /// Who, with the process id where it is known.
        holder: String,
    },
    /// The directory holds something else.
    #[error(
        "{data} is not a PostgreSQL data directory ({why}). Move it away, or choose another with --data"
    )]
    NotData {
        /// The directory.
        data: PathBuf,
        /// What was found.
        why: String,
    },
    /// The data directory belongs to a user that is not the one PostgreSQL is to run as.
    #[error(
        "{data} belongs to user id {owner}, and PostgreSQL would run as {user}. Start as the user that made it, or hand it over with `chown -R {user} {data}`"
    )]
    WrongOwner {
        /// The data directory.
        data: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who should.
        user: String,
    },
    /// The user to run as does not exist, or we may not become it.
    #[error("cannot run PostgreSQL as {user}: {why}")]
    Account {
        /// The user.
        user: String,
        /// Why not, and what to do.
        why: String,
    },
    /// The data were written by a major for which there are no binaries.
    #[error(
        "{data} was written by PostgreSQL {data_major}, and this machine has {found}. Install the package `postgresql-{data_major}` \
         beside it{why}, or set FREEHOLD_PG_BIN to binaries of {data_major}"
    )]
    OtherMajor {
        /// The data directory.
        data: PathBuf,
        /// The major that wrote it.
        data_major: u32,
        /// The majors found.
        found: String,
        /// What the missing ones are needed for.
        why: &'static str,
    },
    /// `initdb`, `pg_dump` or another program failed.
    #[error("`{program}` failed ({outcome}){said}{next}")]
    Program {
        /// Its name.
        program: String,
        /// Exit code or signal, or how long it was waited for.
        outcome: String,
        /// The end of what it said.
        said: String,
        /// What to do, where it is known.
        next: String,
    },
    /// The server ended, or never said that it is ready.
    #[error("PostgreSQL did not start ({outcome}){said}. Its log is in {log}")]
    NotStarted {
        /// Exit code or signal, or how long it was waited for.
        outcome: String,
        /// The end of what it said.
        said: String,
        /// Where the rest is.
        log: PathBuf,
    },
    /// An upgrade failed; the old data are as they were.
    #[error(
        "could not upgrade {data} from PostgreSQL {from} to {to}. The old data are untouched; FREEHOLD_PG_BIN=<binaries of {from}> runs them as they are"
    )]
    Upgrade {
        /// The data directory.
        data: PathBuf,
        /// Its major.
        from: u32,
        /// The new one.
        to: u32,
        /// What failed.
        source: Box<PostgresError>,
    },
    /// No `pg_dump` and `pg_restore` that can read the database.
    #[error(
        "no `pg_dump` and `pg_restore` of PostgreSQL {major} or newer found. Install the package `postgresql-client-{major}`, or set \
         FREEHOLD_PG_BIN to a directory that has them"
    )]
    NoTools {
        /// The database's major.
        major: u32,
    },
    /// An address that `pg_dump` and `pg_restore` cannot be given.
    #[error("the database's address cannot be used: {why}")]
    Address {
        /// What is wrong with it; never the address, which may hold a password.
        why: String,
    },
    /// The file system said no.
    #[error("cannot {action} {path}")]
    Io {
        /// A verb.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The caller's token was cancelled; what had been started is stopped.
    #[error("starting PostgreSQL was cancelled")]
    Cancelled,
}

impl PostgresError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

pub(crate) type Result<T, E = PostgresError> = std::result::Result<T, E>;
