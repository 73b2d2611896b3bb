//! The server as its users meet it: over HTTP and over the link, on a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod aftermath;
mod audit;
mod audit_kept;
mod away;
mod board;
mod clock;
mod content;
mod contract;
mod credential;
mod crowd;
mod desk;
mod device;
mod environment;
mod faults;
mod invitation;
mod isolation;
mod limits;
mod lineage;
mod link;
mod member;
mod migrations;
mod patience;
mod permission;
mod queue;
mod replicas;
mod retention;
mod rivals;
mod run;
mod schema;
mod sessions;
mod studio;
mod tiers;
mod token;
mod watch;
