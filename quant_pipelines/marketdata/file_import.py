"""Brings files in, one after the other: read, proven, judged beside what is stored, and stored whole."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.archive import (
    BY_HEADER,
    READABLE,
    Claims,
    FileSeries,
    NoRowsError,
    bar_files,
    funding_file,
    held_kinds,
    is_readable_name,
    own_open_interest_files,
    read_series,
)
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.exchanges import EXCHANGES
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.core.timeframes import from_ms, timeframe_ms
from quant_pipelines.marketdata.file_past import stored_beside
from quant_pipelines.marketdata.file_rows import Incoming, store_file
from quant_pipelines.marketdata.file_values import StoredBeside, require_possible, unproven_unit
from quant_pipelines.store.bars import Upserted


@dataclass(frozen=True, slots=True)
class Request:
    """One file, and what it is said to hold.

    Parameters
    ----------
    path
        File whose name ends like one that is read.
    asked
        What it is said to hold; what is left out has to stand in the file.
    default_exchange
        ccxt id under which rows are stored where neither is said.
    """

    path: Path
    asked: Claims
    default_exchange: str

    def __post_init__(self) -> None:
        if not is_readable_name(self.path):
            raise DataError(f"file {self.path} is neither {' nor '.join(READABLE)}")


def files_of_archive(folder: Path, exchange: str, *, symbol: str = "", timeframe: str = "") -> list[Request]:
    """Every file of an archive folder that can be stored: bars, funding and the exchange's open interest.

    Parameters
    ----------
    folder
        Archive folder.
    exchange
        ccxt id.
    symbol, timeframe
        Only this one; empty takes all. Funding and open interest have no timeframe, and are left out when one
        is asked for.

    Raises
    ------
    DataError
        If the folder has nothing of that.
    """
    requests = []
    interests = own_open_interest_files(folder, exchange)
    for name, files in sorted(bar_files(folder, exchange).items()):
        if symbol and name != symbol:
            continue
        requests += [
            _of_archive(files[step], exchange, kind="bars", symbol=name, timeframe=step)
            for step in sorted(files, key=timeframe_ms)
            if timeframe in ("", step)
        ]
        if not timeframe:
            funding = funding_file(folder, name, exchange)
            found = [(funding, "funding")] if funding else []
            found += [(path, "open_interest") for path in interests.get(name, {}).values()]
            requests += [_of_archive(path, exchange, kind=kind, symbol=name) for path, kind in found]
    if not requests:
        raise DataError(f"archive {folder} has no {timeframe or 'files'} of {symbol or exchange}")
    return requests


def _of_archive(path: Path, exchange: str, *, kind: str, symbol: str, timeframe: str = "") -> Request:
    # An archive's own columns are meant, whatever else has the same ones.
    asked = Claims(kind=kind, symbol=symbol, timeframe=timeframe, exchange=exchange, layout=BY_HEADER)
    return Request(path, asked, exchange)


def import_files(engine: Engine | None, requests: list[Request], clock: Clock) -> Iterator[dict[str, Any]]:
    """Prove and store file after file.

    Parameters
    ----------
    engine
        Product database; None proves only.
    requests
        Files.
    clock
        What is not over by now is refused.

    Yields
    ------
    dict
        After each file, one for each series in it: ``file``, ``layout``, ``kind``, ``exchange``, ``symbol``,
        ``timeframe``, ``unit`` of its times, ``rows``, ``first``, ``last`` (times of the first and the last
        row), ``checksum`` (SHA-256), ``notes``, ``inserted`` and ``updated`` (None without engine).

    Raises
    ------
    DataError
        If a file can't be used: nothing of it is stored, and the sentence says how many before it are.
    """
    for position, read in enumerate(_reads(requests, clock)):
        try:
            held = tuple(_judged(engine, incoming) for incoming in read())
        except DataError as error:
            kept = f" ({position} of {len(requests)} files are stored)" if position and engine else ""
            raise DataError(f"{error}{kept}") from error
        if engine is None:
            yield from (_report(incoming, None) for incoming in held)
        else:
            yield from map(_report, held, store_file(engine, held, clock()))


def _judged(engine: Engine | None, incoming: Incoming) -> Incoming:
    """Rows whose values a market can have, with a note of what nothing proves."""
    if incoming.series.asked.volume_unit:  # a unit that was said is not asked about again
        return incoming
    beside = StoredBeside() if engine is None else stored_beside(engine, incoming)
    require_possible(incoming.series, beside)
    note = unproven_unit(incoming.series, beside)
    return incoming._replace(series=_noted(incoming.series, note)) if note else incoming


def _noted(series: FileSeries, note: str) -> FileSeries:
    return replace(series, notes=(*series.notes, note))


def _reads(requests: list[Request], clock: Clock) -> Iterator[Callable[[], tuple[Incoming, ...]]]:
    """Rows of each file when they are asked for: a file is read while the one before is stored."""
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead: deque[Future[tuple[Incoming, ...]]] = deque()
        for request in requests:
            ahead.append(reader.submit(_read, request, clock))
            if len(ahead) > 1:
                yield ahead.popleft().result
        while ahead:
            yield ahead.popleft().result


def _read(request: Request, clock: Clock) -> tuple[Incoming, ...]:
    """Each series of a file, or the one that is asked for; those of which it has no row are left out."""
    held, empty = [], []
    for kind in held_kinds(request.path, request.asked):
        try:
            series = read_series(request.path, replace(request.asked, kind=kind), now_ms=clock())
        except NoRowsError as error:
            empty.append(error)
        else:
            # Only who asked for one kind is told of the other: without, both are taken.
            for one in series.beside if request.asked.kind else ():
                note = f"the file holds {one} too: --kind {one} takes it, no --kind takes both"
                series = _noted(series, note)
            held.append(_of_exchange(series, request))
    if not held:
        raise empty[0]
    return tuple(held)


def _of_exchange(series: FileSeries, request: Request) -> Incoming:
    """Rows under the exchange of which they are, or under the default one where it is not known here."""
    exchange = request.asked.exchange or request.default_exchange
    known = [name for name in series.exchanges if name in EXCHANGES]
    if known and exchange not in known:
        exchange = known[0]
    elif series.exchanges and not known:
        note = f"the file is of {series.exchanges[0]}; its rows are stored as those of {exchange}"
        series = _noted(series, note)
    require_symbol(series.symbol, exchange)
    return Incoming(series, exchange)


def _report(incoming: Incoming, written: Upserted | None) -> dict[str, Any]:
    series = incoming.series
    return {
        "file": str(series.path),
        "layout": series.layout,
        "kind": series.kind,
        "exchange": incoming.exchange,
        "symbol": series.symbol,
        "timeframe": series.timeframe or None,
        "unit": series.unit,
        "rows": int(series.ts.size),
        "first": from_ms(int(series.ts[0])),
        "last": from_ms(int(series.ts[-1])),
        "checksum": series.checksum,
        "notes": list(series.notes),
        "inserted": written.inserted if written else None,
        "updated": written.updated if written else None,
    }
