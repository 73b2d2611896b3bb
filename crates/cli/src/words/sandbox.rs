//! Words of a command in the sandbox.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use freehold_sandbox::{Runtime, Tier};
use freehold_wire::order::Egress;

/// `sandbox`, as typed.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  freehold sandbox -- npm test\n  freehold sandbox --egress none -v -- sh -c 'curl https://example.org'\n\n\
                  The folder is /workspace inside and can be changed; its .git can only be read, and where there\n\
                  is none, an empty one stands there until the command ends. HOME is empty, and goes at the end.\n\
                  What the command left behind is somebody else's work: look at it before you run it.\n\n\
                  Exit codes: the command's own, 128 + the signal that ended it; 125 when nothing was started,\n\
                  126 when the command cannot be run, 127 when it is not there."
)]
pub(crate) struct SandboxWords {
    /// The folder that it works in
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// What it may reach
    #[arg(long, value_name = "WHAT", default_value = "registries")]
    pub(crate) egress: EgressWord,
    /// What stands between it and this machine
    #[arg(long, value_name = "TIER", default_value = "sandbox")]
    pub(crate) tier: TierWord,
    /// A container's root folder, or the folder of a kernel for a virtual machine
    #[arg(long, value_name = "DIR")]
    pub(crate) image: Option<PathBuf>,
    /// Run a virtual machine by this Firecracker and not by QEMU; it needs /dev/kvm
    #[arg(long, value_name = "FILE")]
    pub(crate) firecracker: Option<PathBuf>,
    /// What runs the container; the first that is there otherwise
    #[arg(long, value_name = "RUNTIME")]
    pub(crate) runtime: Option<RuntimeWord>,
    /// More of this machine to show, read-only: a folder of tools; may be repeated
    #[arg(long = "path", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// A variable of its environment; may be repeated
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,
    /// Keep its HOME in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Say on standard error what was in force, and what it could not reach; with --json as a document
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// What may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EgressWord {
    /// Nothing
    None,
    /// The registries that this machine's package clients use, and those that lock files name
    Registries,
    /// Any public address
    Open,
}

impl From<EgressWord> for Egress {
    fn from(word: EgressWord) -> Self {
        match word {
            EgressWord::None => Self::None,
            EgressWord::Registries => Self::Registries,
            EgressWord::Open => Self::Open,
        }
    }
}

/// A tier that a command can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TierWord {
    /// Nothing: a plain process, unsandboxed
    None,
    /// An empty root, namespaces, no capability, no network but the proxy
    Sandbox,
    /// An OCI container with the same mounts
    Container,
    /// A virtual machine
    Vm,
}

impl From<TierWord> for Tier {
    fn from(word: TierWord) -> Self {
        match word {
            TierWord::None => Self::None,
            TierWord::Sandbox => Self::Sandbox,
            TierWord::Container => Self::Container,
            TierWord::Vm => Self::Vm,
        }
    }
}

/// The runtime of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuntimeWord {
    /// The reference
    Runc,
    /// The same in C
    Crun,
    /// gVisor: a kernel of its own between the command and this machine's
    Runsc,
}

impl From<RuntimeWord> for Runtime {
    fn from(word: RuntimeWord) -> Self {
        match word {
            RuntimeWord::Runc => Self::Runc,
            RuntimeWord::Crun => Self::Crun,
            RuntimeWord::Runsc => Self::Runsc,
        }
    }
}

/// A `NAME=VALUE` of `--env`.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is NAME=VALUE, like RUST_LOG=debug".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_a_name_and_may_be_empty() {
        assert_eq!(variable("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(variable("A="), Ok(("A".into(), String::new())));
        assert!(variable("=b").is_err() && variable("A").is_err());
    }
}
