//! What a workspace needs around it: host toolchains, package registries, the egress proxy, the
//! project file, setup caches.
//!
//! Six rooms that know nothing of each other's insides; a runner puts them together:
//!
//! 1. [`project`] reads `.agentworks/project.toml`, or proposes one from what the repository holds.
//! 2. [`toolchain`] finds the programs of the host that the sandbox shows read-only.
//! 3. [`registries`] asks the package clients of the host which registries they use. There is no
//!    list of hosts here, on purpose: who mirrors a registry has said so to the client already.
//! 4. [`egress`] is the proxy of one run, the only way out of its empty network.
//! 5. [`cache`] keeps what setup made, per digest of the lock files.
//! 6. [`local`] copies the files that the machine's owner keeps beside a repository.
//!
//! [`endpoint`] is the one place where a host, a port or a URL is taken apart, so that rooms 3 and 4
//! compare the same parsed thing.

mod ask;
pub mod cache;
pub mod egress;
pub mod endpoint;
pub mod local;
pub mod project;
pub mod registries;
pub mod toolchain;
