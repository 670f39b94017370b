"""What a process gives up before it runs a strategy's text; ``proof.py`` tries whether it holds.

Limits of resources hold everywhere; files are closed by Landlock and system calls refused by seccomp where
the kernel has them.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import llvmlite
import numpy as np

from quant_pipelines.core.jit import cache_home, only_read_cache
from quant_pipelines.sandbox.landlock import refuse_files
from quant_pipelines.sandbox.system_calls import refuse_system_calls

DESCRIPTORS = 64
_MEGABYTE = 1 << 20
_NICE = 5
_NOT_DUMPABLE, _NO_NEW_PRIVILEGES = 4, 38
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")


def confine(megabytes: int) -> dict[str, str]:
    """Give up everything but computing, irrevocably.

    Whatever is imported later must lie beneath the folders of Python and its packages; compiled code is read
    from its cache and not added to it, since a runner loads what stands there.

    Parameters
    ----------
    megabytes
        Of address space; compiled kernels alone map about one gigabyte.

    Returns
    -------
    dict
        ``files`` and ``calls``: why they are not closed, empty where they are.
    """
    only_read_cache()
    os.nice(_NICE)
    _die_first()
    _limit_resources(megabytes)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_NOT_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    files = refuse_files(_readable())  # before the calls that close them are refused
    return {"files": files, "calls": refuse_system_calls()}


def _die_first() -> None:
    """Let the kernel end this process before any other when memory runs out."""
    with suppress(OSError):  # another system than Linux has no such file
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _limit_resources(megabytes: int) -> None:
    size = megabytes * _MEGABYTE
    limits = [
        (resource.RLIMIT_AS, size),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, DESCRIPTORS),
        (resource.RLIMIT_NPROC, 0),
    ]
    for kind, most in limits:
        with suppress(ValueError, OSError):  # macOS takes no limit of address space
            resource.setrlimit(kind, (most, most))


def _readable() -> Iterable[Path]:
    """Python, its packages, this one, the system's libraries and compiled kernels."""
    packages = (Path(found).resolve().parents[1] for found in (np.__file__, llvmlite.__file__))
    own = Path(__file__).resolve().parents[1]
    prefixes = (Path(sys.prefix), Path(sys.base_prefix))
    return (*prefixes, *packages, own, *map(Path, _LIBRARIES), cache_home() / "quant-pipelines" / "kernels")
