"""The system calls that rooms, gates and sandboxes may make: a list of what is allowed, everything else is refused.

Docker's own profile (engine 20.10) lets vsock sockets and io_uring through. What is missing here, and why:

- `ptrace`, `process_vm_*`, `kcmp`, `pidfd_getfd`, `process_madvise`: reaching into another process;
- `io_uring_*`: file and network calls that no filter sees;
- `bpf`, `perf_event_open`, `userfaultfd`, `keyctl` and its kin: kernel surface that analyses do not need;
- `mount` and its kin, `unshare`, `setns`, and `clone` with any new namespace: a user namespace gives capabilities;
- sockets of other families than unix, IPv4, IPv6 and routing netlink: vsock reaches the machine under this one;
- modules, clocks, swap, quotas, kexec, ports of the machine.

`clone3` answers ENOSYS, so that the C library takes `clone`, whose flags a filter can read. Names from syscalls(2).
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET (clone(2)); NEWTIME is clone3's and unshare's."""
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
AF_NETLINK, NETLINK_ROUTE = 16, 0
ENOSYS, EPERM = 38, 1

ALLOWED = {
    "files": """
        access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
        fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock
        fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr
        inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr
        llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2 pread64
        preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr rename renameat
        renameat2 rmdir sendfile setxattr splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee
        truncate umask unlink unlinkat utime utimensat utimes write writev cachestat
    """,
    "memory": """
        brk madvise membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall
        munmap pkey_alloc pkey_free pkey_mprotect shmat shmctl shmdt shmget
    """,
    "processes": """
        arch_prctl capget capset execve execveat exit exit_group fork futex futex_waitv futex_wait futex_wake
        futex_requeue get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid
        getppid getpriority getresgid getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set
        landlock_add_rule landlock_create_ruleset landlock_restrict_self pidfd_open pidfd_send_signal prctl prlimit64
        restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
        sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
        sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid
        setgroups setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sysinfo times uname
        vfork wait4 waitid
    """,
    "signals and time": """
        alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday kill nanosleep pause rt_sigaction
        rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
        setitimer sigaltstack signalfd signalfd4 tgkill time timer_create timer_delete timer_getoverrun timer_gettime
        timer_settime timerfd_create timerfd_gettime timerfd_settime tkill
    """,
    "waiting and messages": """
        epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 mq_getsetattr
        mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd pipe pipe2 poll ppoll
        pselect6 select semctl semget semop semtimedop
    """,
    "sockets": """
        accept accept4 bind connect getpeername getrandom getsockname getsockopt listen recvfrom recvmmsg recvmsg
        sendmmsg sendmsg sendto setsockopt shutdown socketpair
    """,
}


def profile() -> dict[str, Any]:
    """The profile as Docker reads it. Only 64-bit calls of this machine's own kind: others end the process."""
    names = sorted({name for group in ALLOWED.values() for name in group.split()})
    same = "SCMP_CMP_EQ"
    sockets = [_allow(["socket"], _argument(0, family, same)) for family in FAMILIES.values()]
    route = _allow(["socket"], _argument(0, AF_NETLINK, same), _argument(2, NETLINK_ROUTE, same))
    clone = _allow(["clone"], _argument(0, NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ", 0))
    usual = [_allow(["personality"], _argument(0, value, same)) for value in (0, 0xFFFFFFFF)]
    unknown = {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
        "syscalls": [_allow(names), *sockets, route, clone, *usual, unknown],
    }


@cache
def as_json() -> str:
    """The profile's text, for `security_opt`."""
    return json.dumps(profile(), separators=(",", ":"))


def _allow(names: list[str], *arguments: dict[str, int | str]) -> dict[str, Any]:
    return {"names": names, "action": "SCMP_ACT_ALLOW", "args": list(arguments)}


def _argument(index: int, value: int, op: str, second: int = 0) -> dict[str, int | str]:
    return {"index": index, "value": value, "valueTwo": second, "op": op}
