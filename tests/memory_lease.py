"""The writer's lease in the memory of one process, for runners without a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quant_pipelines.core.errors import StoreError


class MemoryLease:
    """One session that may become the writer."""

    def __init__(self, office: "Leases") -> None:
        self._office = office
        self._news = asyncio.Event()
        self.is_broken = False

    async def try_lock(self) -> bool:
        self._require_connection()
        self._office.holder = self._office.holder or self
        return self._office.holder is self

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._news.wait()
        except TimeoutError:
            self._require_connection()
            return False
        self._require_connection()
        self._news.clear()
        return True

    def hear(self) -> None:
        self._news.set()

    def _require_connection(self) -> None:
        if self.is_broken:
            raise StoreError("the lease's connection broke")


class Leases:
    """Who holds the writer's lock, and everybody who hears of news."""

    def __init__(self) -> None:
        self.holder: MemoryLease | None = None
        self._open: list[MemoryLease] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[MemoryLease]:
        lease = MemoryLease(self)
        self._open.append(lease)
        try:
            yield lease
        finally:
            self._leave(lease)

    def announce(self) -> None:
        """Tell everybody that deployments changed."""
        for lease in self._open:
            lease.hear()

    def drop_holder(self) -> None:
        """End the writer's session at the server alone: whoever holds it learns of that when it asks next."""
        if self.holder is not None:
            self.holder.is_broken = True
            self._leave(self.holder)

    def break_all(self) -> None:
        """End every session, as a server does that restarts."""
        for lease in list(self._open):
            lease.is_broken = True
            lease.hear()
            self._leave(lease)

    def _leave(self, lease: MemoryLease) -> None:
        if lease in self._open:
            self._open.remove(lease)
        if self.holder is lease:
            self.holder = None
