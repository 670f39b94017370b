"""What venues take of the symbols that are taken up, known before anything is decided about them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, TypeAlias

from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.tables.trading import PAPER_VENUE


class SymbolOfAccount(NamedTuple):
    """What is traded, ccxt form, and with which account."""

    account_id: int
    symbol: str


ReadLimits: TypeAlias = Callable[[frozenset[SymbolOfAccount]], Awaitable[None]]
"""Returns once limits were read; not later than after some seconds."""


async def unread(_wanted: frozenset[SymbolOfAccount]) -> None:
    """Read none: nobody keeps them."""


class FirstLimits:
    """Limits of what has just been opened.

    Parameters
    ----------
    journal
        Rows of the runner.

    Attributes
    ----------
    read
        Has limits read.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.read: ReadLimits = unread

    async def changed(self, opened: Iterable[Deployment]) -> list[Deployment]:
        """Have limits read; returns the new rows of those that had other ones when they were opened.

        Raises
        ------
        StoreError
            If the database does not answer.
        """
        known = {one.id: one for one in opened if one.venue != PAPER_VENUE}
        if not known or self.read is unread:
            return []
        await self.read(frozenset(SymbolOfAccount(one.account_id, one.symbol) for one in known.values()))
        rows = await asyncio.to_thread(self._journal.read_deployments)
        return [one for one in rows if one.id in known and one.instrument != known[one.id].instrument]
