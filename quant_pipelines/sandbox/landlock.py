"""Which files a confined process may read, and that it may write none (Landlock, Linux 5.13 and later).

Later kernels add to it, as far as this one goes: no TCP port, no signal and no abstract socket to a process
outside. See the kernel's ``Documentation/userspace-api/landlock.rst``.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_READ = 1 << 2 | 1 << 3  # files and folders
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_NET_RIGHTS, _SCOPES = 0b11, 0b11
_NET_SINCE, _SCOPES_SINCE = 4, 6


def refuse_files(readable: Iterable[Path]) -> str:
    """Let this thread, and what it starts, read beneath these folders only; irrevocable.

    Returns
    -------
    str
        Why not, or nothing. Privileges must have been given up before.
    """
    if sys.platform != "linux":
        return "files are closed by Landlock on Linux only"
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)
    if version < 1:
        return f"the kernel has no Landlock: {os.strerror(ctypes.get_errno())}"
    attributes = struct.pack("=QQQ", *_handled(version))
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NET_SINCE else 8
    rules = libc.syscall(_CREATE, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        return f"Landlock refuses: {os.strerror(ctypes.get_errno())}"
    try:
        for folder in readable:
            _allow(libc, rules, folder)
        if libc.syscall(_RESTRICT, rules, 0) != 0:
            return f"Landlock refuses: {os.strerror(ctypes.get_errno())}"
    finally:
        os.close(rules)
    return ""


def _handled(version: int) -> tuple[int, int, int]:
    """Rights that are taken away unless a rule gives them: on files, on ports, beyond this process."""
    files = sum(rights for since, rights in _FILE_RIGHTS.items() if version >= since)
    net = _NET_RIGHTS if version >= _NET_SINCE else 0
    return files, net, _SCOPES if version >= _SCOPES_SINCE else 0


def _allow(libc: ctypes.CDLL, rules: int, folder: Path) -> None:
    if not folder.is_dir():
        return
    opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        beneath = struct.pack("=Qi", _READ, opened)
        if libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, beneath, 0) != 0:
            raise OSError(ctypes.get_errno(), "Landlock takes no rule for a folder", str(folder))
    finally:
        os.close(opened)
