//! The whole product through its real binary: `freehold up` with its database, server and runner,
//! a bare git remote with hooks, agents that are shell scripts in real sandboxes.
//!
//! [`harness`] starts an installation and speaks to it, [`remote`] is the client's git remote,
//! [`procs`] looks at processes. A test reads as a story of commands and what a person sees.

mod harness;
mod procs;
mod remote;

mod ends;
mod killed;
mod landing;
mod moved;
mod once;
mod way;
