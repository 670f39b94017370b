"""Where an archive keeps what: file names only, nothing is opened here.

``klines/<exchange>_<market>/<SYMBOL>-<timeframe>.parquet``, ``funding/…/<SYMBOL>.parquet``; ``mark/…``,
``index/…`` and ``open_interest/…/<SYMBOL>-<timeframe>.parquet``; a file without a suffix wins.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from quant_pipelines.core.errors import DataError, unknown_name
from quant_pipelines.core.timeframes import HOUR_MS, TIMEFRAMES

MARKETS = {"binanceusdm": "binance_um"}
"""Folder of each exchange's perpetual market, by ccxt id."""

_FILE = re.compile(r"(?P<symbol>[A-Z0-9]+)-(?P<timeframe>\d+[mhd])(?P<suffix>-.+)?\.parquet")
_QUOTES = ("USDT", "USDC", "BUSD", "USD")

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
    return _files(folder / "mark" / market_folder(exchange), {**TIMEFRAMES, "8h": 8 * HOUR_MS})


def index_files(folder: Path, exchange: str = "binanceusdm") -> Files:
    """Files of index prices; none where the archive has none."""
    return _files(folder / "index" / market_folder(exchange), {**TIMEFRAMES, "8h": 8 * HOUR_MS})


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


def venue_name(symbol: str) -> str:
    """Symbol as the venue spells it: ``BTC/USDT:USDT`` is ``BTCUSDT``."""
    return symbol.partition(":")[0].replace("/", "")


def ccxt_symbol(name: str) -> str:
    """Symbol as ccxt spells it: ``BTCUSDT`` is ``BTC/USDT:USDT``."""
    for quote in _QUOTES:
        if name.endswith(quote) and len(name) > len(quote):
            return f"{name.removesuffix(quote)}/{quote}:{quote}"
    return name


def _files(place: Path, timeframes: Mapping[str, int] = TIMEFRAMES) -> Files:
    found: Files = {}
    for path in sorted(place.glob("*.parquet"), key=lambda path: (len(path.name), path.name)):
        match = _FILE.fullmatch(path.name)
        if match and match["timeframe"] in timeframes:
            found.setdefault(ccxt_symbol(match["symbol"]), {}).setdefault(match["timeframe"], path)
    return found
