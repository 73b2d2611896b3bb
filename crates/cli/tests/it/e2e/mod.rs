//! The whole product through its real binary: `freehold up` with its database, server and runner,
//! a bare git remote with hooks, agents that are shell scripts in real sandboxes.
//!
//! [`harness`] starts an installation and speaks to it, [`remote`] is the client's git remote,
//! [`procs`] looks at processes, [`day`] says in a word what a person does. A test reads as a story
//! of commands and what a person sees.

mod day;
mod harness;
mod remote;

use freehold_testkit::{procs, proxy};

mod agents;
mod away;
mod backup;
mod backup_refused;
mod bad_input;
mod bad_link;
mod desk;
mod ends;
mod environments;
mod failover;
mod frozen;
mod half_open;
mod killed;
mod landing;
mod little_memory;
mod moved;
mod odd;
mod once;
mod people;
mod projects;
mod replicas;
mod settings;
mod slow_line;
mod times;
mod unsandboxed;
mod walls;
mod way;
