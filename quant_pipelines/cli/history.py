"""Where a command's bars come from: a folder of Parquet files, or the database of a running stack."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from quant_pipelines.cli.operator import home_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import ConfigurationError, DataError, StoreError, unknown_name
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.series import Window
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import DAY_MS, EXECUTION_TIMEFRAME, timeframe_ms, warm_from_ms
from quant_pipelines.marketdata.checks import VALUE_CHECKS
from quant_pipelines.research.archive_source import ArchiveSource
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.research.fill_inputs import NO_FILL_INPUTS, FillInputs
from quant_pipelines.research.funding_prices import through
from quant_pipelines.research.history import HistorySource, covers
from quant_pipelines.sdk import Strategy, attach_inputs
from quant_pipelines.stack.home import Home, is_locked
from quant_pipelines.stack.server import database_url_of
from quant_pipelines.store.engine import connected, require_reachable, transaction
from quant_pipelines.store.findings import blocking_values
from quant_pipelines.store.market import read_universe
from quant_pipelines.store.revision import require_current
from quant_pipelines.trading import Specification

_END_OF_TIME_MS = 100 * 365 * DAY_MS
_WITHOUT_DATABASE = "without it work 'quant kill --direct' and 'quant doctor'"


@dataclass(frozen=True, slots=True)
class StoredMarket:
    """All that is stored of one symbol between the asked times, and what warms the strategy up before them.

    Parameters
    ----------
    bars
        The strategy's bars, with the inputs that it declares; those before ``first_ms`` only warm it up.
    minute_bars
        1-minute bars; empty where none are stored.
    funding
        Funding slots; empty where none are stored.
    specification
        Lot size and smallest order; no restriction where they aren't stored.
    fill_inputs
        Mark prices, specifications as of a date and order books.
    first_ms
        Open time of the first bar of the test.
    """

    bars: Bars
    minute_bars: Bars
    funding: FundingSeries
    specification: Specification
    fill_inputs: FillInputs = NO_FILL_INPUTS
    first_ms: int = 0

    @property
    def tested_bars(self) -> Bars:
        """The strategy's bars of the test alone."""
        return self.bars.between(self.first_ms, _END_OF_TIME_MS)

    def execution_bars(self) -> Bars:
        """1-minute bars if they cover the strategy's bars of the test, else those."""
        tested = self.tested_bars
        if not len(tested):
            return tested
        window = Window(int(tested.ts[0]), int(tested.close_ts[-1]))
        return self.minute_bars if covers(self.minute_bars, window) else tested


def read_market(
    arguments: argparse.Namespace,
    symbol: str,
    settings: Settings,
    strategy: Strategy,
) -> StoredMarket:
    """Market that the arguments ask for, with the inputs of a strategy and the bars that warm it up.

    Raises
    ------
    DataError
        If the symbol is unknown (the nearest one is suggested) or has no bars there.
    StrategyError
        If the strategy declares a timeframe that is finer than the bars.
    ConfigurationError
        If neither an archive is given nor a database is there.
    """
    if arguments.archive is not None:
        return _read(ArchiveSource(arguments.archive, settings.exchange.id), arguments, symbol, strategy)
    with open_database(arguments, settings) as engine:
        source = DatabaseSource(engine, settings.exchange.id, columns_folder(arguments))
        market = _read(source, arguments, symbol, strategy)
        if not len(market.tested_bars):
            _refuse_empty(engine, settings.exchange.id, symbol, arguments.timeframe)
        _refuse_blocked(engine, settings.exchange.id, market)
        return market


@contextmanager
def open_database(arguments: argparse.Namespace, settings: Settings) -> Iterator[Engine]:
    """Engine on the stack's database, proven to answer and to have this code's schema.

    Raises
    ------
    StoreError
        If it does not answer; the sentence says what works without, and of a stopped stack what to start.
    """
    with connected(stack_database_url(arguments, settings), pool_size=2) as engine:
        _require_answer(engine, arguments, settings)
        require_current(engine)
        yield engine


def _require_answer(engine: Engine, arguments: argparse.Namespace, settings: Settings) -> None:
    try:
        require_reachable(engine)
    except StoreError as error:
        folder = home_of(arguments)
        if settings.database_url or is_locked(Home(folder)):
            raise StoreError(f"{error}; {_WITHOUT_DATABASE}") from error
        mend = f"start 'quant up'{_archive_mend(arguments)}; {_WITHOUT_DATABASE}"
        raise StoreError(f"home {str(folder)!r} is stopped, its database too; {mend}") from error


def _archive_mend(arguments: argparse.Namespace) -> str:
    return ", or give a folder with --archive" if hasattr(arguments, "archive") else ""


def columns_folder(arguments: argparse.Namespace) -> Path:
    """Folder of the home's column files."""
    return home_of(arguments) / "columns"


def stack_database_url(arguments: argparse.Namespace, settings: Settings) -> str:
    """Address of the stack's database.

    Raises
    ------
    ConfigurationError
        If the home has none yet.
    """
    folder = home_of(arguments)
    url = database_url_of(Home(folder), settings)
    if not url:
        raise ConfigurationError(
            f"home {str(folder)!r} has no database yet; start 'quant up'{_archive_mend(arguments)}"
        )
    return url


def _read(
    source: HistorySource, arguments: argparse.Namespace, symbol: str, strategy: Strategy
) -> StoredMarket:
    start_ms = arguments.start if arguments.start is not None else 0
    end_ms = arguments.end if arguments.end is not None else _END_OF_TIME_MS
    warm_ms = warm_from_ms(start_ms, strategy.history_bars, timeframe_ms(arguments.timeframe))
    bars = source.bars(symbol, arguments.timeframe, Window(max(warm_ms, 0), end_ms))
    tested = bars.between(start_ms, end_ms)
    window = Window(int(tested.ts[0]) if len(tested) else end_ms, end_ms)
    return StoredMarket(
        attach_inputs(type(strategy), bars, source),
        source.bars(symbol, EXECUTION_TIMEFRAME, window),
        source.funding(symbol, through(window)),
        source.specification(symbol),
        source.fill_inputs(symbol, through(window)),
        start_ms,
    )


def _refuse_blocked(engine: Engine, exchange: str, market: StoredMarket) -> None:
    """Refuse values that no market can have, as far as the quality checks found some in what was read."""
    bars = market.bars
    days = Window(int(bars.ts[0]), int(bars.close_ts[-1])).days
    with transaction(engine) as connection:
        found = blocking_values(connection, exchange, bars.symbol, days, VALUE_CHECKS)
    if found:
        raise DataError(
            f"{len(found)} findings block what is asked for: {found[0]}; expected none "
            "(quant data accept lets values pass that are right, quant data factor records a change of scale)"
        )


def _refuse_empty(engine: Engine, exchange: str, symbol: str, timeframe: str) -> None:
    known = read_universe(engine, exchange)
    if symbol not in known:
        raise DataError(unknown_name("symbol", symbol, known))
    raise DataError(f"no {timeframe} bars of {symbol} are stored; expected some once they are ingested")
