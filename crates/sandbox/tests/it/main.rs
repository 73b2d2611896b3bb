//! The sandbox with real processes: what must not work inside (and does outside), and what must.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "some tests run themselves again, told what to do by variables"
)]

mod container;
mod container_image;
mod end;
mod firecracker;
mod kit;
mod limits;
mod start;
mod terminal;
mod user;
mod vm;
mod vm_cgroup2;
mod vm_job;
mod walls;
mod work;
