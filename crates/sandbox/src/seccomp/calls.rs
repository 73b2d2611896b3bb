//! Which system calls a program of a run may make, by name and number.
//!
//! A call of the kernel is in [`ALLOWED`] because programs make it, in [`DANGEROUS`] because it
//! reaches beyond the process, or in neither: then the kernel seems not to have it.

use nix::libc::{self, c_long};

macro_rules! calls {
    ($($name:ident)*) => { &[$((stringify!($name), libc::$name)),*] };
}

/// A call's name, as `SYS_read`, and its number on this architecture.
pub(crate) type Call = (&'static str, c_long);

/// What the programs of a run live on, on every architecture.
pub(crate) const ALLOWED: &[Call] = calls![
    // Files.
    SYS_chdir SYS_close SYS_close_range SYS_copy_file_range SYS_dup SYS_dup3 SYS_faccessat
    SYS_faccessat2 SYS_fadvise64 SYS_fallocate SYS_fchdir SYS_fchmod SYS_fchmodat SYS_fchown
    SYS_fchownat SYS_fcntl SYS_fdatasync SYS_fgetxattr SYS_flistxattr SYS_flock SYS_fremovexattr
    SYS_fsetxattr SYS_fstat SYS_fstatfs SYS_fsync SYS_ftruncate SYS_getcwd SYS_getdents64
    SYS_getxattr SYS_inotify_add_watch SYS_inotify_init1 SYS_inotify_rm_watch SYS_ioctl
    SYS_lgetxattr SYS_linkat SYS_listxattr SYS_llistxattr SYS_lremovexattr SYS_lseek
    SYS_lsetxattr SYS_mkdirat SYS_mknodat SYS_name_to_handle_at SYS_newfstatat SYS_openat
    SYS_openat2 SYS_pipe2 SYS_pread64 SYS_preadv SYS_preadv2 SYS_pwrite64 SYS_pwritev
    SYS_pwritev2 SYS_read SYS_readahead SYS_readlinkat SYS_readv SYS_removexattr SYS_renameat2
    SYS_sendfile SYS_setxattr SYS_splice SYS_statfs SYS_statx SYS_symlinkat SYS_sync
    SYS_sync_file_range SYS_syncfs SYS_tee SYS_truncate SYS_umask SYS_unlinkat SYS_utimensat
    SYS_vmsplice SYS_write SYS_writev
    // Waiting for files, and asynchronous reads of databases.
    SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_eventfd2
    SYS_io_cancel SYS_io_destroy SYS_io_getevents SYS_io_setup SYS_io_submit SYS_ppoll
    SYS_pselect6 SYS_signalfd4 SYS_timerfd_create SYS_timerfd_gettime SYS_timerfd_settime
    // Memory.
    SYS_brk SYS_get_mempolicy SYS_madvise SYS_mbind SYS_membarrier SYS_memfd_create
    SYS_memfd_secret SYS_mincore SYS_mlock SYS_mlock2 SYS_mlockall SYS_mmap SYS_mprotect
    SYS_mremap SYS_mseal SYS_msync SYS_munlock SYS_munlockall SYS_munmap SYS_pkey_alloc
    SYS_pkey_free SYS_pkey_mprotect SYS_remap_file_pages SYS_set_mempolicy
    // Processes and threads. `clone3` is in neither list: its flags lie in memory, where a filter
    // cannot look, and every C library falls back to `clone`.
    SYS_capget SYS_capset SYS_clone SYS_execve SYS_execveat SYS_exit SYS_exit_group SYS_futex
    SYS_futex_waitv SYS_get_robust_list SYS_getcpu SYS_getegid SYS_geteuid SYS_getgid
    SYS_getgroups SYS_getpgid SYS_getpid SYS_getppid SYS_getpriority SYS_getresgid
    SYS_getresuid SYS_getrusage SYS_getsid SYS_gettid SYS_getuid SYS_ioprio_get SYS_ioprio_set
    SYS_landlock_add_rule SYS_landlock_create_ruleset SYS_landlock_restrict_self
    SYS_personality SYS_pidfd_open SYS_prctl SYS_prlimit64 SYS_restart_syscall SYS_rseq
    SYS_sched_get_priority_max SYS_sched_get_priority_min SYS_sched_getaffinity
    SYS_sched_getattr SYS_sched_getparam SYS_sched_getscheduler SYS_sched_rr_get_interval
    SYS_sched_setaffinity SYS_sched_setattr SYS_sched_setparam SYS_sched_setscheduler
    SYS_sched_yield SYS_seccomp SYS_set_robust_list SYS_set_tid_address SYS_setfsgid
    SYS_setfsuid SYS_setgid SYS_setgroups SYS_setpgid SYS_setpriority SYS_setregid
    SYS_setresgid SYS_setresuid SYS_setreuid SYS_setsid SYS_setuid SYS_sysinfo SYS_times
    SYS_uname SYS_unshare SYS_wait4 SYS_waitid
    // Signals.
    SYS_kill SYS_pidfd_send_signal SYS_rt_sigaction SYS_rt_sigpending SYS_rt_sigprocmask
    SYS_rt_sigqueueinfo SYS_rt_sigreturn SYS_rt_sigsuspend SYS_rt_sigtimedwait
    SYS_rt_tgsigqueueinfo SYS_sigaltstack SYS_tgkill SYS_tkill
    // Sockets.
    SYS_accept SYS_accept4 SYS_bind SYS_connect SYS_getpeername SYS_getsockname SYS_getsockopt
    SYS_listen SYS_recvfrom SYS_recvmmsg SYS_recvmsg SYS_sendmmsg SYS_sendmsg SYS_sendto
    SYS_setsockopt SYS_shutdown SYS_socket SYS_socketpair
    // System V and POSIX queues, of the sandbox's own IPC namespace.
    SYS_mq_getsetattr SYS_mq_notify SYS_mq_open SYS_mq_timedreceive SYS_mq_timedsend
    SYS_mq_unlink SYS_msgctl SYS_msgget SYS_msgrcv SYS_msgsnd SYS_semctl SYS_semget SYS_semop
    SYS_semtimedop SYS_shmat SYS_shmctl SYS_shmdt SYS_shmget
    // Clocks and randomness.
    SYS_clock_getres SYS_clock_gettime SYS_clock_nanosleep SYS_getitimer SYS_getrandom
    SYS_gettimeofday SYS_nanosleep SYS_setitimer SYS_timer_create SYS_timer_delete
    SYS_timer_getoverrun SYS_timer_gettime SYS_timer_settime
];

/// Calls that newer architectures left out, in favour of one above.
#[cfg(target_arch = "x86_64")]
pub(crate) const ALLOWED_HERE: &[Call] = calls![
    SYS_access SYS_alarm SYS_arch_prctl SYS_chmod SYS_chown SYS_creat SYS_dup2
    SYS_epoll_create SYS_epoll_wait SYS_eventfd SYS_fork SYS_futimesat SYS_getdents
    SYS_getpgrp SYS_getrlimit SYS_inotify_init SYS_lchown SYS_link SYS_lstat SYS_mkdir
    SYS_mknod SYS_open SYS_pause SYS_pipe SYS_poll SYS_readlink SYS_rename SYS_renameat
    SYS_rmdir SYS_select SYS_setrlimit SYS_signalfd SYS_stat SYS_symlink SYS_time SYS_unlink
    SYS_utime SYS_utimes SYS_vfork
];
#[cfg(target_arch = "aarch64")]
pub(crate) const ALLOWED_HERE: &[Call] = &[
    // The libc crate has no name for it; include/uapi/asm-generic/unistd.h.
    ("SYS_renameat", 38),
];

/// Calls younger than the libc crate's table. From 424 on, the numbers are those of every
/// architecture (Linux, scripts/syscall.tbl).
pub(crate) const ALLOWED_YOUNG: &[Call] = &[
    ("SYS_cachestat", 451),
    ("SYS_fchmodat2", 452),
    ("SYS_map_shadow_stack", 453),
    ("SYS_futex_wake", 454),
    ("SYS_futex_wait", 455),
    ("SYS_futex_requeue", 456),
    ("SYS_setxattrat", 463),
    ("SYS_getxattrat", 464),
    ("SYS_listxattrat", 465),
    ("SYS_removexattrat", 466),
];

/// What a program of a run has no business with, and is told so: other processes' memory (debuggers
/// and tracers do not work inside), the kernel's own programs, keys and modules, mounts, the clock,
/// and rings that bypass this filter.
pub(crate) const DANGEROUS: &[Call] = calls![
    SYS_acct SYS_add_key SYS_adjtimex SYS_bpf SYS_chroot SYS_clock_adjtime SYS_clock_settime
    SYS_delete_module SYS_fanotify_init SYS_finit_module SYS_fsconfig SYS_fsmount SYS_fsopen
    SYS_fspick SYS_init_module SYS_io_uring_enter SYS_io_uring_register SYS_io_uring_setup
    SYS_kcmp SYS_kexec_file_load SYS_kexec_load SYS_keyctl SYS_migrate_pages SYS_mount
    SYS_mount_setattr SYS_move_mount SYS_move_pages SYS_open_by_handle_at SYS_open_tree
    SYS_perf_event_open SYS_pidfd_getfd SYS_pivot_root SYS_process_madvise
    SYS_process_vm_readv SYS_process_vm_writev SYS_ptrace SYS_quotactl SYS_quotactl_fd
    SYS_reboot SYS_request_key SYS_setdomainname SYS_sethostname SYS_setns SYS_settimeofday
    SYS_swapoff SYS_swapon SYS_syslog SYS_umount2 SYS_userfaultfd SYS_vhangup
];

/// Ports of the machine.
#[cfg(target_arch = "x86_64")]
pub(crate) const DANGEROUS_HERE: &[Call] = calls![SYS_ioperm SYS_iopl];
#[cfg(target_arch = "aarch64")]
pub(crate) const DANGEROUS_HERE: &[Call] = &[];
