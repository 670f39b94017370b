"""What assets, schedules and sensors work with: settings, database, exchange, clock."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.settings import ExchangeSettings, Settings
from quant_pipelines.marketdata.ingest import Ingestion
from quant_pipelines.operations.freshness import freshness
from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.pages.place import PagePlace
from quant_pipelines.store.engine import connect
from quant_pipelines.store.market import read_universe, read_whitelist
from quant_pipelines.store.rate_budgets import PostgresLedger

if TYPE_CHECKING:
    from quant_pipelines.operations.key_store import KeyStore

Answer = TypeVar("Answer")
SourceFactory = Callable[[ExchangeSettings], AbstractAsyncContextManager[Any]]


class Platform:
    """The system's outer world, made once in the composition root; nothing is opened before it is used.

    Parameters
    ----------
    settings
        Settings of this process.
    clock
        Milliseconds UTC.
    open_source
        Opens the connection to the exchange; None takes the real one, within the shared request budget.
    columns
        Folder of column files that research reads bars through; None reads them from the database.
    pages
        Where pages of verdicts are written and shown; None writes none.

    Attributes
    ----------
    home
        Folder of the stack, with the master key that opens what proves operators; a root sets it.
    """

    home = Path()

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock = system_clock_ms,
        open_source: SourceFactory | None = None,
        columns: Path | None = None,
        pages: PagePlace | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.columns = columns
        self.pages = pages
        self._open_source = open_source or self._exchange_source

    def _exchange_source(self, settings: ExchangeSettings) -> AbstractAsyncContextManager[Any]:
        from quant_pipelines.exchange import CcxtSource  # noqa: PLC0415 - ccxt takes seconds to import

        return CcxtSource(settings, ledger=PostgresLedger(self.engine, settings.id, settings.egress))

    @cached_property
    def engine(self) -> Engine:
        """Product database."""
        return connect(self.settings.database_url)

    @property
    def key_store(self) -> "KeyStore":
        """What proves operators; secrets of the environment do not reach this process."""
        from quant_pipelines.operations.key_store import KeyStore  # noqa: PLC0415 - only who signs needs it

        return KeyStore(self.engine, self.home, {}, self.clock)

    @property
    def exchange(self) -> str:
        """Id of the exchange, as ccxt spells it."""
        return self.settings.exchange.id

    @property
    def fresh(self) -> Freshness:
        """Today, and how old evidence for capital may be."""
        return freshness(self.settings.ladder, self.clock)

    def symbols(self) -> list[str]:
        """Symbols whose data are kept: those that are scanned and those that are traded."""
        traded = read_whitelist(self.engine, self.exchange)
        return sorted({*read_universe(self.engine, self.exchange), *traded})

    def with_market(self, work: Callable[[Ingestion], Awaitable[Answer]]) -> Answer:
        """Do asynchronous work on an open connection to the exchange, and close it."""

        async def session() -> Answer:
            async with self._open_source(self.settings.exchange) as source:
                return await work(Ingestion(source, self.engine, self.exchange))

        return asyncio.run(session())

    def with_other(self, exchange: str, work: Callable[[Any], Awaitable[Answer]]) -> Answer:
        """Do asynchronous work on an open connection to another exchange, and close it."""
        settings = replace(self.settings.exchange, id=exchange, base_url=None)

        async def session() -> Answer:
            async with self._open_source(settings) as source:
                return await work(source)

        return asyncio.run(session())
