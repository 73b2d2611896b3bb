//! What can go wrong before, while and after a process runs.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

/// Why a process did not start, or could not be followed to its end.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// There is no launcher on this machine.
    #[error(
        "bubblewrap is not installed (looked for {tried}); install the Debian package `bubblewrap`: apt-get install bubblewrap"
    )]
    BubblewrapMissing {
        /// The places that were looked at.
        tried: String,
    },
    /// The launcher lacks options that the floor of the sandbox needs.
    #[error(
        "bubblewrap at {} says `{found}`, but {needed} or newer is needed; update the Debian package `bubblewrap`",
        path.display()
    )]
    BubblewrapTooOld {
        /// The launcher that was found.
        path: PathBuf,
        /// What it says of its version.
        found: String,
        /// The oldest version that will do.
        needed: &'static str,
    },
    /// There is no container runtime on this machine.
    #[error(
        "no container runtime is installed (looked for {tried}); install the Debian package `runc`: apt-get install runc"
    )]
    RuntimeMissing {
        /// The programs and places that were looked at.
        tried: String,
    },
    /// The container runtime lacks what the tier needs.
    #[error(
        "the container runtime at {} says `{found}`, but {needed} or newer is needed; update its Debian package",
        path.display()
    )]
    RuntimeTooOld {
        /// The runtime that was found.
        path: PathBuf,
        /// What it says of its version.
        found: String,
        /// The oldest version that will do.
        needed: &'static str,
    },
    /// The specification asks for something that cannot be; nothing was started.
    #[error("cannot start the process: {what}")]
    Invalid {
        /// The field, its value and the rule.
        what: String,
    },
    /// A mount shows a path of the host that is not there.
    #[error(
        "cannot show {} as {} in the sandbox: it does not exist on this machine or cannot be reached; create it or remove the mount",
        path.display(), target.display()
    )]
    MountSource {
        /// The path on the host.
        path: PathBuf,
        /// Where it was to be seen.
        target: PathBuf,
        /// What the look-up said.
        #[source]
        cause: io::Error,
    },
    /// The socket behind a port is not there.
    #[error("cannot open port {port} in the sandbox: no unix socket at {}; start its server first", socket.display())]
    PortSocket {
        /// The port inside.
        port: u16,
        /// The missing socket.
        socket: PathBuf,
    },
    /// A limit was required and cannot be held on this machine; nothing was started.
    #[error(
        "the limit of {limit} cannot be held on this machine, and it is required: give this program control groups that it may change (`systemd-run --user --scope -p Delegate=yes`, or `Delegate=yes` in its unit), or do not require it"
    )]
    LimitNotHeld {
        /// What it is of.
        limit: &'static str,
    },
    /// A step of the set-up failed; nothing was started.
    #[error("the sandbox could not be set up: {step}: {detail}; {mend}")]
    Setup {
        /// The step, in a few words.
        step: &'static str,
        /// What the kernel or the launcher said.
        detail: String,
        /// What to do next.
        mend: &'static str,
    },
    /// The program is not there, as seen from inside.
    #[error(
        "the program `{}` was not found inside; check its name, the PATH of its environment and the mounts",
        program.display()
    )]
    ProgramNotFound {
        /// The program asked for.
        program: OsString,
    },
    /// The program is there and cannot be run.
    #[error(
        "the program `{}` cannot be run inside; check its mode, its format and its interpreter (the first line of a script)",
        program.display()
    )]
    ProgramNotExecutable {
        /// The program asked for.
        program: OsString,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
    /// A call to the operating system on the host's side failed.
    #[error("the sandbox failed: {step}")]
    Io {
        /// The step, in a few words.
        step: &'static str,
        /// What the kernel said.
        #[source]
        cause: io::Error,
    },
    /// A step took longer than it ever should; what had been started was ended.
    #[error(
        "the sandbox gave up after {seconds} s: {step}; the machine may be overloaded, try again"
    )]
    Timeout {
        /// The step, in a few words.
        step: &'static str,
        /// The bound.
        seconds: u64,
    },
    /// A program that a virtual machine needs is not on this machine.
    #[error(
        "{what} is not installed (looked for {tried}); install the Debian package `{package}`: apt-get install {package}"
    )]
    HypervisorMissing {
        /// The program, and what it is for.
        what: String,
        /// The places that were looked at.
        tried: String,
        /// What brings it.
        package: &'static str,
    },
    /// The program that was named to run virtual machines is none; no other is taken in its place.
    #[error(
        "the hypervisor {} cannot be used: {what}; name the program of a release of Firecracker, or name none and install QEMU",
        path.display()
    )]
    Hypervisor {
        /// What was named.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is no kernel that a virtual machine could boot.
    #[error(
        "no kernel for a virtual machine: {what}; install the Debian package `linux-image-amd64` (its `cloud` flavour lacks 9p), or unpack it without installing it: apt-get download the package that it depends on, dpkg -x FILE DIR, and name DIR"
    )]
    Kernel {
        /// What was looked for, and where.
        what: String,
    },
    /// A virtual machine did not come up.
    #[error(
        "the virtual machine did not come up: {what}; its last words: {console}; more memory or another kernel may help"
    )]
    Guest {
        /// What happened.
        what: String,
        /// The end of what it said on its console.
        console: String,
    },
    /// A machine's outputs are not what may come out of one; none was kept.
    #[error("the outputs were refused: {what}")]
    Outputs {
        /// The rule that was broken.
        what: String,
    },
    /// The tier does not hold what it promises on this machine.
    #[error("the sandbox does not hold on this machine: {what}; do not run untrusted work here")]
    Unproven {
        /// The promise that is broken.
        what: String,
    },
}

impl SandboxError {
    /// For `map_err`: names the step that an operating system's error belongs to.
    pub(crate) fn io<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> Self {
        move |cause| Self::Io {
            step,
            cause: cause.into(),
        }
    }
}
