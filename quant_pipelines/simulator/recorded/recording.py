"""Reads an archive once, at the start: bars, funding, mark prices and open interest of every contract."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from quant_pipelines.archive import (
    Points,
    bar_files,
    funding_file,
    mark_files,
    open_interest_files,
    read_bar_rows,
    read_funding_stamps,
    read_mark,
    read_open_interest,
)
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.series import Window
from quant_pipelines.core.symbols import venue_name
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, TIMEFRAMES
from quant_pipelines.simulator.listing import BY_NAME, Listing
from quant_pipelines.simulator.queries import INTERVALS
from quant_pipelines.simulator.recorded.tables import Table, table_of
from quant_pipelines.simulator.seconds import CLOSE, OPEN, VOLUME

_QUOTE = "USDT"
_MOST_DECIMALS = 8
_USUAL_MIN_NOTIONAL = "5"
_USUAL_FUNDING_HOURS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What an archive has of one contract.

    Parameters
    ----------
    listing
        Contract; steps are the finest that the recorded prices and volumes show.
    bars
        Bars by their length in milliseconds, as the files have them.
    funding, mark, open_interest
        None where the archive lacks them.
    mark_step_ms
        Distance of two mark prices.
    """

    listing: Listing
    bars: Mapping[int, Table]
    funding: Points | None
    mark: Points | None
    mark_step_ms: int
    open_interest: Points | None

    @property
    def base_ms(self) -> int:
        """Length of the shortest bars."""
        return min(self.bars)

    @property
    def base(self) -> Table:
        """Return the shortest bars."""
        return self.bars[self.base_ms]

    @property
    def end_ms(self) -> int:
        """Close of the last of the shortest bars: what is recorded later is not played."""
        return int(self.base.ts[-1]) + self.base_ms


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Everything that is played from an archive.

    Parameters
    ----------
    folder
        Where it was read.
    digest
        Names it: the same files are the same market, wherever they lie.
    symbols
        Contracts by the venue's symbol.
    """

    folder: Path
    digest: str
    symbols: Mapping[str, Recorded]

    def minute_span(self) -> Window:
        """Return the span in which every contract with 1-minute bars has them, milliseconds UTC.

        Raises
        ------
        DataError
            If nothing has 1-minute bars, or there is no moment at which all have them.
        """
        played = [one for one in self.symbols.values() if one.base_ms == MINUTE_MS]
        if not played:
            raise DataError(
                f"archive {self.folder} has no 1m bars of {_QUOTE} contracts; expected them for one at least"
            )
        first = max(int(one.base.ts[0]) for one in played)
        end = min(one.end_ms for one in played)
        if end <= first:
            late = max(played, key=lambda one: int(one.base.ts[0])).listing.name
            early = min(played, key=lambda one: one.end_ms).listing.name
            raise DataError(
                f"archive {self.folder}: 1m bars of {early} end before those of {late} begin; "
                "expected a span that all symbols with 1m bars share"
            )
        return Window(first, end)


def read_recording(folder: Path) -> Recording:
    """Read an archive.

    Raises
    ------
    DataError
        If a file is damaged or malformed, or there are no bars; the sentence names file, row and column.
    """
    marks, interests = mark_files(folder), open_interest_files(folder)
    symbols: dict[str, Recorded] = {}
    used: list[Path] = []
    for symbol, files in sorted(bar_files(folder).items()):
        if not symbol.endswith(f"/{_QUOTE}:{_QUOTE}"):
            continue
        tables = {
            TIMEFRAMES[timeframe]: table_of(read_bar_rows(path, symbol, timeframe))
            for timeframe, path in files.items()
        }
        tables = {step: table for step, table in tables.items() if len(table.ts)}
        if not tables:
            continue
        funding_path = funding_file(folder, symbol)
        mark_path, mark_step_ms = _finest(marks.get(symbol, {}))
        interest_path, _ = _finest(interests.get(symbol, {}))
        funding = read_funding_stamps(funding_path) if funding_path else None
        symbols[venue_name(symbol)] = Recorded(
            listing=_listing(venue_name(symbol), tables, funding),
            bars=tables,
            funding=funding,
            mark=read_mark(mark_path, mark_step_ms) if mark_path else None,
            mark_step_ms=mark_step_ms,
            open_interest=read_open_interest(interest_path) if interest_path else None,
        )
        used += [*files.values(), *(path for path in (funding_path, mark_path, interest_path) if path)]
    return Recording(folder, _digest(folder, used), symbols)


def _finest(files: Mapping[str, Path]) -> tuple[Path | None, int]:
    if not files:
        return None, HOUR_MS
    timeframe = min(files, key=lambda name: INTERVALS[name])
    return files[timeframe], INTERVALS[timeframe]


def _digest(folder: Path, paths: list[Path]) -> str:
    lines = (f"{path.relative_to(folder)} {path.stat().st_size}" for path in sorted(paths))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _listing(name: str, tables: Mapping[int, Table], funding: Points | None) -> Listing:
    step = min(tables)
    base = tables[step].rows
    prices, lots = _decimals(base[:, OPEN : CLOSE + 1]), _decimals(base[:, VOLUME])
    price = float(np.median(base[:, CLOSE]))
    known = BY_NAME.get(name)
    return Listing(
        base=name.removesuffix(_QUOTE),
        tick_size=f"{10.0**-prices:.{prices}f}",
        lot_size=f"{10.0**-lots:.{lots}f}",
        min_notional=known.min_notional if known else _USUAL_MIN_NOTIONAL,
        start_price=price,
        daily_turnover=float(np.mean(base[:, VOLUME])) * (DAY_MS / step) * price,
        funding_interval_hours=_funding_hours(funding),
        past_price_decimals=max(_decimals(table.rows[:, OPEN : CLOSE + 1]) for table in tables.values()),
    )


def _decimals(values: FloatArray) -> int:
    for decimals in range(_MOST_DECIMALS):
        scaled = values * 10.0**decimals
        if np.allclose(scaled, np.rint(scaled), rtol=1e-12, atol=1e-5):
            return decimals
    return _MOST_DECIMALS


def _funding_hours(funding: Points | None) -> int:
    if funding is None or len(funding.ts) < 2:
        return _USUAL_FUNDING_HOURS
    hours = np.rint(np.diff(funding.ts) / HOUR_MS).astype(np.int64)
    return int(np.bincount(hours[hours <= 24]).argmax()) or _USUAL_FUNDING_HOURS
