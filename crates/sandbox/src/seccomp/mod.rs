//! The system-call filters of the sandbox, as bubblewrap's `--add-seccomp-fd` takes them.
//!
//! Three, because a filter has one answer for what it catches; the kernel runs all, and where two
//! refuse, the one that was added last gives the reason:
//!
//! 1. what is not in the list of allowed calls does not exist (`ENOSYS`), so that a program falls
//!    back, as on an older kernel;
//! 2. what is dangerous is not permitted (`EPERM`): calls, flags that make namespaces, and the
//!    requests that push input into a terminal;
//! 3. sockets of another family than unix, IP and the routing table are not supported
//!    (`EAFNOSUPPORT`).
//!
//! Each first looks at the architecture and kills what is of another. Of a request, and of flags,
//! the low 32 bits count: the kernel looks at no more (CVE-2019-10063).

mod calls;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use nix::libc;
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use crate::error::SandboxError;

#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the sandbox has no system-call filter for this architecture");

/// Requests that push input into a terminal, for whoever reads it next: `TIOCSTI`, `TIOCLINUX`.
const DENIED_REQUESTS: [u64; 2] = [0x5412, 0x541c];
/// Flags of `clone` and `unshare` that make a namespace (`linux/sched.h`).
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];
/// Of `unshare` only: to `clone` this bit is part of a signal's number.
const TIME_NAMESPACE: i32 = 0x80;
/// Local sockets, IP, and netlink for the routing table, which `getaddrinfo` and lists of network
/// interfaces are made with. Not the others: each is a part of the kernel of its own.
const FAMILIES: [i32; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters in the order in which they are to be added, each an array of the kernel's
/// `struct sock_filter` in the machine's byte order.
pub(crate) fn filters() -> Result<&'static [Vec<u8>], SandboxError> {
    static FILTERS: LazyLock<Result<Vec<Vec<u8>>, String>> = LazyLock::new(|| {
        let made = [allowed(), dangerous(), families()].into_iter();
        let made = made.map(|filter| filter.map(|program| bytes(&program)));
        made.collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    });
    let unmade = |error: &String| SandboxError::Setup {
        step: "make the system-call filter",
        detail: error.clone(),
        mend: "this is a defect of this version",
    };
    FILTERS.as_deref().map_err(unmade)
}

/// The names of the calls that pass, such as `openat`, as other tools' profiles list them.
pub(crate) fn allowed_names() -> impl Iterator<Item = &'static str> {
    let lists = [calls::ALLOWED, calls::ALLOWED_HERE, calls::ALLOWED_YOUNG];
    let named = lists.into_iter().flatten();
    named.map(|(name, _)| name.trim_start_matches("SYS_"))
}

fn bytes(program: &BpfProgram) -> Vec<u8> {
    let step = |step: &seccompiler::sock_filter| {
        let mut bytes = [0; 8];
        bytes[..2].copy_from_slice(&step.code.to_ne_bytes());
        bytes[2..4].copy_from_slice(&[step.jt, step.jf]);
        bytes[4..].copy_from_slice(&step.k.to_ne_bytes());
        bytes
    };
    program.iter().flat_map(step).collect()
}

/// Everything passes that is listed.
fn allowed() -> Result<BpfProgram, Error> {
    let lists = [calls::ALLOWED, calls::ALLOWED_HERE, calls::ALLOWED_YOUNG];
    let listed = lists.into_iter().flatten();
    // What the next filter refuses with a better reason is no unknown call.
    let named = [calls::DANGEROUS, calls::DANGEROUS_HERE]
        .into_iter()
        .flatten();
    let rules = listed.chain(named).map(|(_, number)| (*number, Vec::new()));
    compile(rules.collect(), libc::ENOSYS, Listed::Allowed)
}

fn dangerous() -> Result<BpfProgram, Error> {
    let named = [calls::DANGEROUS, calls::DANGEROUS_HERE]
        .into_iter()
        .flatten();
    let mut rules: Rules = named.map(|(_, number)| (*number, Vec::new())).collect();
    let requests = DENIED_REQUESTS.map(|request| when([(1, SeccompCmpOp::Eq, request)]));
    rules.insert(
        libc::SYS_ioctl,
        requests.into_iter().collect::<Result<_, _>>()?,
    );
    let any_of = |flags: &[i32]| {
        let flags = flags.iter().map(|flag| u64::from(flag.cast_unsigned()));
        flags
            .map(|flag| when([(0, SeccompCmpOp::MaskedEq(flag), flag)]))
            .collect::<Result<Vec<_>, _>>()
    };
    rules.insert(libc::SYS_clone, any_of(&NAMESPACES)?);
    rules.insert(
        libc::SYS_unshare,
        any_of(&[&NAMESPACES[..], &[TIME_NAMESPACE]].concat())?,
    );
    compile(rules, libc::EPERM, Listed::Refused)
}

fn families() -> Result<BpfProgram, Error> {
    let family = |family: i32| u64::from(family.cast_unsigned());
    let other = FAMILIES.map(|known| (0, SeccompCmpOp::Ne, family(known)));
    let not_route = [
        (0, SeccompCmpOp::Eq, family(libc::AF_NETLINK)),
        (2, SeccompCmpOp::Ne, family(libc::NETLINK_ROUTE)),
    ];
    let rules: Rules = [
        (
            libc::SYS_socket,
            vec![when(other.clone())?, when(not_route)?],
        ),
        (libc::SYS_socketpair, vec![when(other)?]),
    ]
    .into();
    compile(rules, libc::EAFNOSUPPORT, Listed::Refused)
}

/// When all of these hold: the argument's place, the comparison, the value.
fn when<const N: usize>(
    conditions: [(u8, SeccompCmpOp, u64); N],
) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions.map(|(argument, how, value)| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, how, value)
    });
    SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?)
}

/// What becomes of the calls in a filter's list; of all others the opposite.
enum Listed {
    Allowed,
    Refused,
}

fn compile(rules: Rules, errno: i32, listed: Listed) -> Result<BpfProgram, Error> {
    let (allow, refuse) = (
        SeccompAction::Allow,
        SeccompAction::Errno(errno.cast_unsigned()),
    );
    let (others, listed) = match listed {
        Listed::Allowed => (refuse, allow),
        Listed::Refused => (allow, refuse),
    };
    let filter = SeccompFilter::new(rules, others, listed, ARCHITECTURE)?;
    Ok(filter.try_into()?)
}

#[cfg(test)]
mod tests;
