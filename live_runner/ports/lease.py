"""The writer's lease: at most one process holds it, and whoever has it open hears of news."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias


class Lease(Protocol):
    """Who may write, and what is new; `quant_pipelines.store.epochs.WriterSession` is one."""

    async def try_lock(self) -> bool:
        """Whether this is the writer now; False while another one is.

        Raises
        ------
        StoreError
            If the connection broke, and the lock with it.
        """

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        """Wait for news about deployments, at most so long; prove that the lock still holds.

        Returns
        -------
        bool
            True if somebody announced a change.

        Raises
        ------
        StoreError
            If the connection broke, and the lock with it.
        """


OpenLease: TypeAlias = Callable[[], AbstractAsyncContextManager[Lease]]
"""Opens a lease; leaving the block frees what it locked. Raises `StoreError` while that can't be."""
