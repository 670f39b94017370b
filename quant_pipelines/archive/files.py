"""Where an archive keeps what: file names only, nothing is opened here.

``klines/<exchange>_<market>/<SYMBOL>-<timeframe>.parquet``, ``funding/…/<SYMBOL>.parquet``; ``mark/…``,
``index/…`` and ``open_interest/…/<SYMBOL>-<timeframe>.parquet``; a file without a suffix wins. A symbol is
spelled as the venue spells it, in any script.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.symbols import symbol_of_venue, venue_name
from quant_pipelines.core.timeframes import HOUR_MS, TIMEFRAMES

MARKETS = {"binanceusdm": "binance_um"}
"""Folder of each exchange's perpetual market, by ccxt id."""

_FILE = re.compile(r"(?P<symbol>.+?)-(?P<timeframe>\d+[mhd])(?P<suffix>-.+)?\.parquet")
_PRICE_TIMEFRAMES = {**TIMEFRAMES, "8h": 8 * HOUR_MS}
_SERIES: Mapping[str, Mapping[str, int]] = {
    "klines": TIMEFRAMES,
    "mark": _PRICE_TIMEFRAMES,
    "index": _PRICE_TIMEFRAMES,
    "open_interest": TIMEFRAMES,
}
"""Folders whose files name a timeframe, and which ones they may name."""

_OF_ONE_MARKET = ("klines", "funding", "mark", "index")
"""Folders of which only the exchange's own market is read."""
_PREFIX = re.compile(r"^[a-z0-9]+_")

Files = dict[str, dict[str, Path]]
"""Path by ccxt symbol and timeframe."""


def bar_files(folder: Path, exchange: str = "binanceusdm") -> Files:
    """Files of bars.

    Raises
    ------
    DataError
        If the exchange is not known in archives, or the folder has no bars of it.
    """
    place = folder / "klines" / market_folder(exchange)
    found = _files(place)
    if not found:
        raise DataError(f"archive {folder} has no bars; expected {place}/<SYMBOL>-<timeframe>.parquet")
    return found


def mark_files(folder: Path, exchange: str = "binanceusdm") -> Files:
    """Files of mark prices; none where the archive has none."""
    return _files(folder / "mark" / market_folder(exchange), _PRICE_TIMEFRAMES)


def index_files(folder: Path, exchange: str = "binanceusdm") -> Files:
    """Files of index prices; none where the archive has none."""
    return _files(folder / "index" / market_folder(exchange), _PRICE_TIMEFRAMES)


def own_open_interest_files(folder: Path, exchange: str = "binanceusdm") -> Files:
    """Files of open interest of this exchange, and of no other."""
    return _files(folder / "open_interest" / market_folder(exchange))


def open_interest_files(folder: Path, exchange: str = "binanceusdm") -> Files:
    """Files of open interest: the exchange's own, else those of the first other venue that has the symbol."""
    place = folder / "open_interest"
    own = place / market_folder(exchange)
    found = own_open_interest_files(folder, exchange)
    for venue in sorted(path for path in place.glob("*") if path.is_dir() and path != own):
        found = _files(venue) | found
    return found


def funding_file(folder: Path, symbol: str, exchange: str = "binanceusdm") -> Path | None:
    """File of a symbol's funding, if there is one."""
    path = folder / "funding" / market_folder(exchange) / f"{venue_name(symbol)}.parquet"
    return path if path.is_file() else None


def market_folder(exchange: str) -> str:
    """Name of an exchange's folder.

    Raises
    ------
    DataError
        If the exchange is not known in archives.
    """
    if exchange not in MARKETS:
        raise DataError(unknown_name("exchange in archives", exchange, MARKETS))
    return MARKETS[exchange]


class Unused(NamedTuple):
    """A file of an archive that nothing reads, and why."""

    path: Path
    reason: str

    def to_document(self) -> dict[str, str]:
        """File and reason as text."""
        return {"file": str(self.path), "reason": self.reason}


def unused_files(folder: Path, exchange: str = "binanceusdm") -> list[Unused]:
    """Files of an exchange's market that are not used, by path: what they name can't be, or is elsewhere.

    Raises
    ------
    DataError
        If the exchange is not known in archives.
    """
    market = market_folder(exchange)
    found = [one for name, steps in _SERIES.items() for one in _unused(folder / name / market, steps)]
    found += _unused_funding(folder / "funding" / market)
    elsewhere = [
        Unused(path, "of another market")
        for name in _OF_ONE_MARKET
        for place in (folder / name).glob("*/")
        if place.name != market
        for path in _every_file(place)
    ]
    return sorted([*found, *elsewhere])


def file_name_of(path: Path) -> tuple[str, str]:
    """Symbol (ccxt form) and timeframe that a file's name tells; a source may stand before it, as ``gate_``.

    Raises
    ------
    DataError
        If it tells none, or a symbol that is not supported.
    """
    named = _named(path.with_name(_PREFIX.sub("", path.name, count=1)), TIMEFRAMES)
    if isinstance(named, str):
        raise DataError(f"file name {path.name!r} tells no symbol and timeframe that are used: it is {named}")
    return named


def _files(place: Path, timeframes: Mapping[str, int] = TIMEFRAMES) -> Files:
    found: Files = {}
    for path, symbol, timeframe in _readable(place, timeframes):
        found.setdefault(symbol, {}).setdefault(timeframe, path)
    return found


def _readable(place: Path, timeframes: Mapping[str, int]) -> Iterator[tuple[Path, str, str]]:
    """Files with a symbol and a timeframe, those without a suffix first."""
    for path in sorted(place.glob("*.parquet"), key=lambda path: (len(path.name), path.name)):
        named = _named(path, timeframes)
        if not isinstance(named, str):
            yield path, *named


def _named(path: Path, timeframes: Mapping[str, int]) -> tuple[str, str] | str:
    """Symbol and timeframe of a file's name, or why it has none."""
    match = _FILE.fullmatch(path.name)
    if match is None or match["timeframe"] not in timeframes:
        return f"a name without a timeframe of {', '.join(timeframes)}"
    symbol = symbol_of_venue(match["symbol"])
    return (symbol, match["timeframe"]) if isinstance(symbol, str) else symbol.kind


def _unused(place: Path, timeframes: Mapping[str, int]) -> Iterator[Unused]:
    used = {path for files in _files(place, timeframes).values() for path in files.values()}
    for path in _every_file(place):
        if path not in used:
            named = _named(path, timeframes) if path.suffix == ".parquet" else "no Parquet file"
            yield Unused(path, named if isinstance(named, str) else "another file of the same series is used")


def _unused_funding(place: Path) -> Iterator[Unused]:
    for path in _every_file(place):
        symbol = symbol_of_venue(path.stem)
        if path.suffix != ".parquet":
            yield Unused(path, "no Parquet file")
        elif not isinstance(symbol, str):
            yield Unused(path, symbol.kind)


def _every_file(place: Path) -> list[Path]:
    return [path for path in sorted(place.glob("*")) if path.is_file() and not path.name.startswith(".")]
