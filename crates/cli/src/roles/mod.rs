//! The roles that keep running, and what belongs to them.

mod address;
pub(crate) mod backup;
mod consent;
mod content;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod identity;
mod lineage;
mod machine;
mod oidc;
pub(crate) mod process;
pub(crate) mod runner;
pub(crate) mod scripted;
pub(crate) mod server;
pub(crate) mod up;
