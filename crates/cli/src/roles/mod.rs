//! The roles that keep running, and what belongs to them.

pub(crate) mod doctor;
pub(crate) mod runner;
pub(crate) mod server;
pub(crate) mod up;
