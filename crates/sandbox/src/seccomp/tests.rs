use super::*;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_ABOVE: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const JUMP_FROM: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
#[cfg(target_arch = "x86_64")]
const HERE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const HERE: u32 = 0xc000_00b7;

const fn refuse(errno: i32) -> u32 {
    0x0005_0000 | errno.cast_unsigned()
}

/// Runs one filter as the kernel would on `struct seccomp_data`.
fn run(program: &[u8], data: &[u8; 64]) -> u32 {
    let (mut at, mut loaded) = (0, 0);
    loop {
        let step = &program[at * 8..at * 8 + 8];
        let k = u32::from_ne_bytes(step[4..].try_into().unwrap());
        let jump = |taken: bool| 1 + usize::from(if taken { step[2] } else { step[3] });
        at += match u16::from_ne_bytes(step[..2].try_into().unwrap()) {
            LOAD => {
                let from = k as usize;
                loaded = u32::from_ne_bytes(data[from..from + 4].try_into().unwrap());
                1
            }
            AND => {
                loaded &= k;
                1
            }
            JUMP => 1 + k as usize,
            JUMP_EQUAL => jump(loaded == k),
            JUMP_ABOVE => jump(loaded > k),
            JUMP_FROM => jump(loaded >= k),
            RETURN => return k,
            other => panic!("unknown instruction {other:#x}"),
        };
    }
}

/// The verdict of all filters together: of two refusals the one that was added last.
fn verdict_on(architecture: u32, number: i64, args: [u64; 3]) -> u32 {
    let mut data = [0; 64];
    data[..4].copy_from_slice(&u32::try_from(number).unwrap().to_ne_bytes());
    data[4..8].copy_from_slice(&architecture.to_ne_bytes());
    for (place, arg) in data[16..].as_chunks_mut().0.iter_mut().zip(args) {
        *place = arg.to_ne_bytes();
    }
    let verdicts = filters().unwrap().iter().rev();
    let mut verdicts = verdicts.map(|filter| run(filter, &data));
    verdicts.find(|verdict| *verdict != ALLOW).unwrap_or(ALLOW)
}

fn verdict(number: i64, args: [u64; 3]) -> u32 {
    verdict_on(HERE, number, args)
}

fn signed(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}

#[test]
fn what_is_listed_passes_what_is_dangerous_is_not_permitted_and_the_rest_does_not_exist() {
    let allowed: Vec<_> = [calls::ALLOWED, calls::ALLOWED_HERE, calls::ALLOWED_YOUNG].concat();
    let dangerous: Vec<_> = [calls::DANGEROUS, calls::DANGEROUS_HERE].concat();
    for number in 0..1024 {
        let named = |list: &[calls::Call]| list.iter().filter(|call| call.1 == number).count();
        let wanted = match (named(&allowed), named(&dangerous)) {
            // `socket` wants a family and is looked at below.
            (1, 0) if [libc::SYS_socket, libc::SYS_socketpair].contains(&number) => {
                refuse(libc::EAFNOSUPPORT)
            }
            (1, 0) => ALLOW,
            (0, 1) => refuse(libc::EPERM),
            (0, 0) => refuse(libc::ENOSYS),
            both => panic!("call {number} is listed more than once: {both:?}"),
        };
        assert_eq!(verdict(number, [0; 3]), wanted, "call {number}");
    }
    assert_eq!(verdict(libc::SYS_clone3, [0; 3]), refuse(libc::ENOSYS));
    assert!(allowed.len() > 250 && dangerous.len() > 40);
}

#[test]
fn other_architectures_and_other_numberings_do_not_pass() {
    let i386 = 0x4000_0003;
    assert_eq!(verdict_on(i386, libc::SYS_read, [0; 3]), KILL_PROCESS);
    let x32 = 0x4000_0000;
    for call in [libc::SYS_read, libc::SYS_ptrace, libc::SYS_openat] {
        assert_eq!(verdict(x32 | call, [0; 3]), refuse(libc::ENOSYS));
    }
}

#[test]
fn only_the_terminal_requests_are_refused_of_ioctl() {
    let ioctl = |request: u64| verdict(libc::SYS_ioctl, [0, request, 0]);
    assert_eq!(DENIED_REQUESTS, [libc::TIOCSTI, libc::TIOCLINUX]);
    assert_eq!(DENIED_REQUESTS.map(ioctl), [refuse(libc::EPERM); 2]);
    // The kernel does not look at the high half, so neither may the filter.
    let high = DENIED_REQUESTS.map(|request| request | 1 << 32);
    assert_eq!(high.map(ioctl), [refuse(libc::EPERM); 2]);
    assert_eq!(ioctl(libc::TIOCGWINSZ), ALLOW);
    let [request, _] = DENIED_REQUESTS;
    assert_eq!(verdict(libc::SYS_write, [0, request, 0]), ALLOW);
}

#[test]
fn no_namespace_is_made_and_threads_and_forks_are() {
    let threads = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND | libc::CLONE_SETTLS;
    let vfork = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    for flags in [threads, vfork, libc::SIGCHLD] {
        assert_eq!(verdict(libc::SYS_clone, [signed(flags), 0, 0]), ALLOW);
        for namespace in NAMESPACES {
            let flags = signed(flags | namespace);
            for flags in [flags, flags | 1 << 40] {
                let said = verdict(libc::SYS_clone, [flags, 0, 0]);
                assert_eq!(said, refuse(libc::EPERM), "{flags:#x}");
            }
        }
    }
    let unshare = |flags: i32| verdict(libc::SYS_unshare, [signed(flags), 0, 0]);
    assert_eq!(unshare(libc::CLONE_FILES | libc::CLONE_FS), ALLOW);
    assert_eq!(unshare(TIME_NAMESPACE), refuse(libc::EPERM));
    assert_eq!(NAMESPACES.map(unshare), [refuse(libc::EPERM); 7]);
}

#[test]
fn sockets_are_local_internet_or_of_the_routing_table() {
    let no = refuse(libc::EAFNOSUPPORT);
    let socket = |family: i32, protocol: i32| {
        let args = [signed(family), signed(libc::SOCK_RAW), signed(protocol)];
        verdict(libc::SYS_socket, args)
    };
    for family in 0..64 {
        let wanted = if FAMILIES.contains(&family) {
            ALLOW
        } else {
            no
        };
        assert_eq!(socket(family, 0), wanted, "family {family}");
        let pair = verdict(libc::SYS_socketpair, [signed(family), 0, 0]);
        assert_eq!(pair, wanted, "family {family}");
    }
    assert_eq!(socket(libc::AF_NETLINK, libc::NETLINK_AUDIT), no);
    assert_eq!(socket(libc::AF_INET, libc::IPPROTO_TCP), ALLOW);
    assert_eq!(socket(-1, 0), no);
}
