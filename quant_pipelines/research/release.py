"""What a process finds with: two that differ in it may find different numbers."""

import platform
from importlib.metadata import version

from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.store.revision import newest_revision
from quant_pipelines.store.search_queue import Release

_COUNTING = ("numpy", "numba", "llvmlite", "scipy", "scikit-learn", "scikit-optimize", "cma", "deap")
"""Packages whose arithmetic is in every result, and those whose draws decide what is tried."""


def own_release() -> Release:
    """Release of this process."""
    counting = [f"{name} {version(name)}" for name in _COUNTING]
    libraries = (f"python {platform.python_version()}", *counting)
    return Release(version("quant-pipelines"), kernel_digest(), newest_revision(), libraries)
