//! The system-call filter of the sandbox: classic BPF, as bubblewrap's `--seccomp` takes it.
//!
//! The program is the one of `seccomp(2)`: first the architecture, then the number, then for
//! `ioctl` the low 32 bits of the request (the kernel looks at no more: CVE-2019-10063).

use nix::libc::{self, c_long};

#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7; // AUDIT_ARCH_AARCH64
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e; // AUDIT_ARCH_X86_64
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the sandbox has no system-call filter for this architecture");

/// Numbers from here on are the x32 calls of `x86_64`: the same calls under other numbers.
const X32: u32 = 0x4000_0000;

/// What a program of a run has no business with: other processes' memory, the kernel's own
/// programs and keys, mounting, modules, the clock, and rings that bypass this filter. New namespaces
/// are not here: `--disable-userns` and the lack of capabilities refuse them.
const DENIED: &[c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setdomainname,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// Requests that push input into a terminal, for whoever reads it next.
const DENIED_IOCTLS: [u32; 2] = [0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */];

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_FROM: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

const AT_NUMBER: u32 = 0;
const AT_ARCHITECTURE: u32 = 4;
/// `args[1]`; both architectures above are little-endian, so its low half comes first.
const AT_REQUEST: u32 = 24;

const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;
const fn refuse(errno: i32) -> u32 {
    0x0005_0000 | (errno.cast_unsigned() & 0xffff)
}

/// The filter as an array of the kernel's `struct sock_filter`, in the machine's byte order.
pub(crate) fn filter() -> Vec<u8> {
    let mut program = Program::default();
    program.push(LOAD, 0, 0, AT_ARCHITECTURE);
    program.push(JUMP_EQUAL, 1, 0, ARCHITECTURE);
    program.push(RETURN, 0, 0, KILL_PROCESS);
    program.push(LOAD, 0, 0, AT_NUMBER);
    program.push(JUMP_FROM, 0, 1, X32);
    program.push(RETURN, 0, 0, refuse(libc::ENOSYS));
    for number in DENIED {
        program.refuse_when_equal(low(*number), libc::EPERM);
    }
    let requests = u8::try_from(2 * DENIED_IOCTLS.len() + 1).unwrap_or(u8::MAX);
    program.push(JUMP_EQUAL, 0, requests, low(libc::SYS_ioctl));
    program.push(LOAD, 0, 0, AT_REQUEST);
    for request in DENIED_IOCTLS {
        program.refuse_when_equal(request, libc::EPERM);
    }
    program.push(RETURN, 0, 0, ALLOW);
    program.0
}

/// System call numbers are small: the cast keeps them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "call numbers are below 2^10"
)]
const fn low(number: c_long) -> u32 {
    number as u32
}

#[derive(Default)]
struct Program(Vec<u8>);

impl Program {
    fn push(&mut self, code: u16, when: u8, otherwise: u8, k: u32) {
        self.0.extend(code.to_ne_bytes());
        self.0.extend([when, otherwise]);
        self.0.extend(k.to_ne_bytes());
    }

    fn refuse_when_equal(&mut self, value: u32, errno: i32) {
        self.push(JUMP_EQUAL, 0, 1, value);
        self.push(RETURN, 0, 0, refuse(errno));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel would, on the three words it looks at.
    fn verdict(architecture: u32, number: u32, request: u32) -> u32 {
        let program = filter();
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = &program[at * 8..at * 8 + 8];
            let k = u32::from_ne_bytes(step[4..].try_into().unwrap());
            let jump = |taken: bool| 1 + usize::from(if taken { step[2] } else { step[3] });
            at += match u16::from_ne_bytes(step[..2].try_into().unwrap()) {
                LOAD => {
                    loaded = [
                        (AT_NUMBER, number),
                        (AT_ARCHITECTURE, architecture),
                        (AT_REQUEST, request),
                    ]
                    .into_iter()
                    .find_map(|(offset, value)| (offset == k).then_some(value))
                    .unwrap();
                    1
                }
                JUMP_EQUAL => jump(loaded == k),
                JUMP_FROM => jump(loaded >= k),
                RETURN => return k,
                other => panic!("unknown instruction {other:#x}"),
            };
        }
    }

    #[test]
    fn everything_denied_is_refused_and_the_rest_passes() {
        for number in DENIED {
            assert_eq!(
                verdict(ARCHITECTURE, low(*number), 0),
                refuse(libc::EPERM),
                "call {number}"
            );
        }
        for number in [
            libc::SYS_read,
            libc::SYS_execve,
            libc::SYS_clone,
            libc::SYS_socket,
            libc::SYS_ioctl,
        ] {
            assert_eq!(
                verdict(ARCHITECTURE, low(number), 0),
                ALLOW,
                "call {number}"
            );
        }
    }

    #[test]
    fn other_architectures_and_other_numberings_do_not_pass() {
        assert_eq!(verdict(0x4000_0003, low(libc::SYS_read), 0), KILL_PROCESS); // i386
        assert_eq!(
            verdict(ARCHITECTURE, X32 | low(libc::SYS_ptrace), 0),
            refuse(libc::ENOSYS)
        );
        assert_eq!(
            verdict(ARCHITECTURE, X32 | low(libc::SYS_read), 0),
            refuse(libc::ENOSYS)
        );
    }

    #[test]
    fn only_the_terminal_requests_are_refused_of_ioctl() {
        let ioctl = |request: u32| verdict(ARCHITECTURE, low(libc::SYS_ioctl), request);
        assert_eq!(
            DENIED_IOCTLS.map(u64::from),
            [libc::TIOCSTI, libc::TIOCLINUX]
        );
        assert_eq!(DENIED_IOCTLS.map(ioctl), [refuse(libc::EPERM); 2]);
        assert_eq!(ioctl(0x5413 /* TIOCGWINSZ */), ALLOW);
        // A write of the same bytes to another call is not an ioctl.
        assert_eq!(
            verdict(ARCHITECTURE, low(libc::SYS_write), DENIED_IOCTLS[0]),
            ALLOW
        );
    }
}
