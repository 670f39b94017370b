"""What a process finds with: two that differ in it may find different numbers."""

from importlib.metadata import version

from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.store.revision import newest_revision
from quant_pipelines.store.search_queue import Release


def own_release() -> Release:
    """Release of this process."""
    return Release(version("quant-pipelines"), kernel_digest(), newest_revision())
