//! A supervised PostgreSQL on a unix socket.
//!
//! [`start`] makes a data directory when there is none, upgrades one that an older major wrote, cleans up after a crash and
//! returns when the server accepts connections. Nothing listens on the network, and only the operating system's user that
//! called [`start`] may connect, as one of two roles: [`OWNER_ROLE`] owns the database, [`APP_ROLE`] owns nothing and is
//! subject to row-level security. The superuser can be reached in single-user mode only.
//!
//! # On disk
//!
//! | path | what |
//! |---|---|
//! | `DATA/` ([`Options::data`]) | the data directory; owned by the user that PostgreSQL runs as |
//! | `DATA/socket/` | the socket, unless its path were too long for one (see [`Postgres::socket_dir`]) |
//! | `DATA/log/` | a log for each weekday, overwritten after a week |
//! | `DATA.lock` | held while a supervisor runs; says who |
//! | `DATA.new/`, `DATA.upgrade/` | being made; removed or completed by the next start |
//! | `DATA.<major>.bak/` | what an upgrade left, untouched, as the way back |
//! | `DATA-bin/` | relocatable binaries (see [`find_binaries`]) |
//!
//! PostgreSQL refuses to run as root. Started by root it runs as `postgres` or `nobody`, and it reaches its data directory
//! through an inherited descriptor (`/proc/self/fd/N`), so the directories above may stay closed to everyone else.

mod account;
mod binaries;
mod cluster;
mod copy;
mod error;
mod files;
mod launch;
mod lock;
mod options;
mod process;
mod procfs;
mod recover;
mod server;
mod socket;
mod upgrade;

pub use binaries::{Binaries, Search, find_binaries};
pub use copy::{Tools, dump, is_own, restore};
pub use error::PostgresError;
pub use options::{APP_ROLE, DATABASE, OWNER_ROLE, Options, PORT};
pub use process::Exit;
pub use server::{Postgres, start};
pub use upgrade::Upgrade;
