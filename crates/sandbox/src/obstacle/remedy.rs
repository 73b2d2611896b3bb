//! What mends an obstacle: steps that a program can take, or words where only a person can.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::facts::Container;
use crate::seccomp;

/// Where system-wide settings of ours go; later names win over a distribution's own.
const SYSCTL_FILE: &str = "/etc/sysctl.d/99-freehold-sandbox.conf";
/// Where AppArmor looks for profiles.
const APPARMOR_FILE: &str = "/etc/apparmor.d/freehold-bwrap";
/// The profile of system calls that a container engine is told to use.
pub const SECCOMP_FILE: &str = "freehold-seccomp.json";
/// The addition to a compose file.
pub const COMPOSE_FILE: &str = "compose.freehold.yaml";

/// One thing to do, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write a file of the system; it needs root.
    Write {
        /// Where.
        path: PathBuf,
        /// What.
        contents: String,
    },
    /// Write a file into the folder that the person is in.
    WriteHere {
        /// Its name.
        name: &'static str,
        /// What.
        contents: String,
    },
    /// Run a program as root.
    Run {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// What a person has to do elsewhere, in words.
    Say(String),
}

fn run(words: &[&str]) -> Step {
    Step::Run {
        command: words.iter().map(|&word| word.to_owned()).collect(),
    }
}

/// Sets kernel settings now and for the next start.
pub(super) fn sysctl(settings: &[(&str, &str)]) -> Vec<Step> {
    let lines: String = settings
        .iter()
        .map(|(name, value)| format!("{name} = {value}\n"))
        .collect();
    let about = "# The sandbox of freehold starts processes in user namespaces of their own.\n";
    let mut steps = vec![Step::Write {
        path: SYSCTL_FILE.into(),
        contents: format!("{about}{lines}"),
    }];
    for (name, value) in settings {
        steps.push(run(&["sysctl", "-w", &format!("{name}={value}")]));
    }
    steps
}

/// Lets bubblewrap alone make user namespaces, and leaves the restriction on for all others.
pub(super) fn apparmor() -> Vec<Step> {
    let contents = "\
# bubblewrap makes the namespaces of freehold's sandbox. The profile allows it that and restricts it
# in nothing else; for all other programs the system's restriction stays as it is.
abi <abi/4.0>,
include <tunables/global>

profile freehold-bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,

  include if exists <local/freehold-bwrap>
}
";
    vec![
        Step::Write {
            path: APPARMOR_FILE.into(),
            contents: contents.to_owned(),
        },
        run(&["apparmor_parser", "--replace", APPARMOR_FILE]),
    ]
}

pub(super) fn package(name: &str) -> Vec<Step> {
    vec![run(&[
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        name,
    ])]
}

/// A container cannot open itself: whoever starts it has to.
pub(super) fn container(container: Container) -> Vec<Step> {
    let profile = Step::WriteHere {
        name: SECCOMP_FILE,
        contents: format!("{:#}\n", seccomp_profile()),
    };
    match container {
        Container::Docker => vec![
            profile,
            Step::WriteHere {
                name: COMPOSE_FILE,
                contents: compose(),
            },
            Step::Say(format!(
                "start the container with `docker run --security-opt seccomp={SECCOMP_FILE} --security-opt \
                 apparmor=unconfined --security-opt systempaths=unconfined …`, or add {COMPOSE_FILE} to your compose \
                 command: `docker compose -f compose.yaml -f {COMPOSE_FILE} up`; it needs no `--privileged` and no \
                 docker.sock"
            )),
        ],
        Container::Podman => vec![
            profile,
            Step::Say(format!(
                "start the container with `podman run --security-opt seccomp={SECCOMP_FILE} --security-opt unmask=ALL …`"
            )),
        ],
        Container::Kubernetes => vec![
            profile,
            Step::Say(format!(
                "give the pod `hostUsers: false`, its container `securityContext: {{procMount: Unmasked, seccompProfile: \
                 {{type: Localhost, localhostProfile: {SECCOMP_FILE}}}}}`, and lay the profile below the kubelet's \
                 seccomp folder on its nodes"
            )),
        ],
    }
}

fn compose() -> String {
    format!(
        "# An addition for the service that runs freehold: its sandbox makes namespaces inside the container.\n\
         services:\n  freehold:\n    security_opt:\n      - seccomp={SECCOMP_FILE}\n      - apparmor=unconfined\n      \
         - systempaths=unconfined\n"
    )
}

/// A container's filter under which a sandbox can be made: what runs inside the sandbox, what makes
/// it, and what a database and a service need. In the form of the OCI's runtime specification.
#[must_use]
pub fn seccomp_profile() -> Value {
    let mut names: Vec<&str> = seccomp::allowed_names()
        .chain(MAKES_SANDBOXES.iter().copied())
        .chain(SERVES.iter().copied())
        .collect();
    names.sort_unstable();
    names.dedup();
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        // Not permitted would keep programs from falling back.
        "defaultErrnoRet": nix::libc::ENOSYS,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
        ],
        "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
    })
}

/// What a launcher does before its program runs.
const MAKES_SANDBOXES: &[&str] = &[
    "capset",
    "chroot",
    "clone",
    "clone3",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "pivot_root",
    "prctl",
    "seccomp",
    "setgroups",
    "sethostname",
    "setns",
    "umount2",
    "unshare",
];
/// What programs outside of sandboxes use beside that: a package manager, a database, a supervisor.
const SERVES: &[&str] = &[
    "chown",
    "fchown",
    "fchownat",
    "lchown",
    "mknod",
    "mknodat",
    "ptrace",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "setuid",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "sync_file_range",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_opens_what_a_sandbox_needs_and_no_more() {
        let profile = seccomp_profile();
        let names: Vec<&str> = profile["syscalls"][0]["names"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        for needed in [
            "clone",
            "unshare",
            "mount",
            "pivot_root",
            "seccomp",
            "read",
            "openat2",
        ] {
            assert!(names.contains(&needed), "{needed}");
        }
        for refused in [
            "bpf",
            "kexec_load",
            "init_module",
            "keyctl",
            "open_by_handle_at",
            "reboot",
        ] {
            assert!(!names.contains(&refused), "{refused}");
        }
        assert!(
            names.windows(2).all(|pair| pair[0] < pair[1]),
            "sorted, none twice"
        );
    }
}
