"""What a confined process may still ask of Linux, as a filter of its system calls (seccomp).

A list of what is allowed: computing, memory, time, reading. All else, what a later kernel adds included,
is refused with EPERM: sockets, new processes and programs, signals, files for writing.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

_CALLS = {
    "x86_64": (
        "read=0 write=1 close=3 stat=4 fstat=5 lstat=6 poll=7 lseek=8 mmap=9 mprotect=10 munmap=11 brk=12 "
        "rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 pread64=17 readv=19 writev=20 access=21 select=23 "
        "sched_yield=24 mremap=25 mincore=27 madvise=28 nanosleep=35 setitimer=38 getpid=39 exit=60 uname=63 "
        "fcntl=72 getcwd=79 readlink=89 gettimeofday=96 getrusage=98 sysinfo=99 times=100 getuid=102 "
        "getgid=104 geteuid=107 getegid=108 getppid=110 sigaltstack=131 gettid=186 time=201 futex=202 "
        "sched_getaffinity=204 getdents64=217 restart_syscall=219 clock_gettime=228 clock_getres=229 "
        "clock_nanosleep=230 exit_group=231 newfstatat=262 readlinkat=267 faccessat=269 pselect6=270 "
        "ppoll=271 set_robust_list=273 getcpu=309 getrandom=318 membarrier=324 statx=332 rseq=334 "
        "faccessat2=439"
    ),
    "aarch64": (
        "getcwd=17 fcntl=25 faccessat=48 close=57 getdents64=61 lseek=62 read=63 write=64 readv=65 writev=66 "
        "pread64=67 pselect6=72 ppoll=73 readlinkat=78 newfstatat=79 fstat=80 exit=93 exit_group=94 futex=98 "
        "set_robust_list=99 nanosleep=101 setitimer=103 clock_gettime=113 clock_getres=114 "
        "clock_nanosleep=115 sched_getaffinity=123 sched_yield=124 restart_syscall=128 sigaltstack=132 "
        "rt_sigaction=134 rt_sigprocmask=135 rt_sigreturn=139 times=153 uname=160 getrusage=165 getcpu=168 "
        "gettimeofday=169 getpid=172 getppid=173 getuid=174 geteuid=175 getgid=176 getegid=177 gettid=178 "
        "sysinfo=179 brk=214 munmap=215 mremap=216 mmap=222 mprotect=226 mincore=232 madvise=233 "
        "getrandom=278 membarrier=283 statx=291 rseq=293 faccessat2=439"
    ),
}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_OPENAT = {"x86_64": 257, "aarch64": 56}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SET_FILTER, _ALL_THREADS = 1, 1
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_NUMBER_AT, _ARCHITECTURE_AT, _FLAGS_AT = 0, 4, 32
_FOREIGN = 0x40000000  # numbers of the x32 calls on x86-64


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def refuse_system_calls() -> str:
    """Let this process ask for no more than computing takes; irrevocable. Returns why not, or nothing."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _CALLS:
        return f"system calls are filtered on Linux on {' and '.join(_CALLS)} only"
    code = _program(machine)
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SECCOMP[machine], _SET_FILTER, _ALL_THREADS, ctypes.byref(program)) != 0:
        return f"the kernel takes no filter of system calls: {os.strerror(ctypes.get_errno())}"
    return ""


def _program(machine: str) -> bytes:
    """Classic BPF over ``struct seccomp_data``: one jump for each call that is allowed."""
    numbers = [int(one.partition("=")[2]) for one in _CALLS[machine].split()]
    n_left = len(numbers)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, n_left + 1, 0, _FOREIGN),
    ]
    code += [(_EQUAL, n_left + 3 - at, 0, number) for at, number in enumerate(numbers)]
    code += [
        (_EQUAL, 1, 0, _OPENAT[machine]),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _FLAGS_AT),
        (_ANY_BIT, 1, 0, _WRITES),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *one) for one in code)
