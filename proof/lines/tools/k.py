"""System calls by name, and the exit codes that a line's verdict is read from: 1 refused, 98 broken."""

import ctypes
import os
import platform
import sys

libc = ctypes.CDLL(None, use_errno=True)
X86_64 = {
    "ptrace": 101, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308,
    "process_vm_readv": 310, "kcmp": 312, "add_key": 248, "keyctl": 250, "bpf": 321, "perf_event_open": 298,
    "userfaultfd": 323, "io_uring_setup": 425, "init_module": 175, "finit_module": 313, "sethostname": 170, "syslog": 103,
    "open_by_handle_at": 304, "name_to_handle_at": 303, "fanotify_init": 300, "acct": 163, "swapon": 167, "clock_settime": 227,
    "pidfd_open": 434, "pidfd_getfd": 438, "quotactl": 179, "fsopen": 430, "open_tree": 428, "mknod": 133, "setuid": 105,
    "kexec_load": 246, "iopl": 172, "process_madvise": 440, "clone": 56,
}
AARCH64 = {
    "ptrace": 117, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268,
    "process_vm_readv": 270, "kcmp": 272, "add_key": 217, "keyctl": 219, "bpf": 280, "perf_event_open": 241,
    "userfaultfd": 282, "io_uring_setup": 425, "init_module": 105, "finit_module": 273, "sethostname": 161, "syslog": 116,
    "open_by_handle_at": 265, "name_to_handle_at": 264, "fanotify_init": 262, "acct": 89, "swapon": 224, "clock_settime": 112,
    "pidfd_open": 434, "pidfd_getfd": 438, "quotactl": 60, "fsopen": 430, "open_tree": 428, "setuid": 146,
    "kexec_load": 104, "process_madvise": 440, "clone": 220,
}
NUMBERS = X86_64 if platform.machine() == "x86_64" else AARCH64


def call(name, *args):
    """A system call; OSError when the kernel refuses it."""
    result = libc.syscall(NUMBERS[name], *args)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), name)
    return result


def reaches_the_kernel(name, *args):
    """The call with arguments that the kernel cannot like: any answer but a refusal of the call itself counts as reached."""
    import errno
    try:
        call(name, *args)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            raise


def fetch(proxy, head, expect=b""):
    """Says `head` to a proxy and gives the whole answer."""
    import socket
    host, port = proxy.removeprefix("http://").rstrip("/").rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as s:
        s.settimeout(10)
        s.sendall(head)
        said = b""
        while part := s.recv(65536):
            said += part
            if expect and expect in said:
                break
        return said


def main():
    code = open(sys.argv[1]).read()
    try:
        exec(compile(code, sys.argv[1], "exec"), {"__name__": "line"})
    except SystemExit:
        raise
    except (OSError, AssertionError) as refused:
        print(f"{type(refused).__name__}: {refused}", flush=True)
        os._exit(1)
    except BaseException as broken:
        print(f"broken: {type(broken).__name__}: {broken}", flush=True)
        os._exit(98)


if __name__ == "__main__":
    sys.modules["k"] = sys.modules["__main__"]
    main()
