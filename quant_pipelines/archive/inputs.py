"""What strategies read of an archive beside bars: values with the times from which on they were known."""

from pathlib import Path

from quant_pipelines.archive.files import index_files, mark_files, open_interest_files
from quant_pipelines.archive.series import load_funding, read_mark, read_open_interest
from quant_pipelines.core.asof import OPEN_INTEREST_KNOWN_AFTER_MS, KnownPoints, joined_points, no_points
from quant_pipelines.core.timeframes import DAY_MS, TIMEFRAMES


def load_points(folder: Path, symbol: str, name: str, *, exchange: str = "binanceusdm") -> KnownPoints:
    """Values of one input; empty where the archive has none.

    Parameters
    ----------
    folder
        Archive folder.
    symbol
        ccxt form.
    name
        ``funding_rate``, ``open_interest`` (another venue's where the exchange's own is not there),
        ``index_close`` or ``mark_close``.
    exchange
        ccxt id.

    Raises
    ------
    DataError
        If a file is malformed.
    """
    if name == "funding_rate":
        paid = load_funding(folder, symbol, exchange=exchange)
        return KnownPoints(paid.ts, paid.ts, paid.rate)
    if name == "open_interest":
        files = open_interest_files(folder, exchange).get(symbol, {})
        if not files:
            return no_points()
        held = read_open_interest(files[min(files, key=_step_ms)])
        return KnownPoints(held.ts, held.ts + OPEN_INTEREST_KNOWN_AFTER_MS, held.values)
    found = (mark_files if name == "mark_close" else index_files)(folder, exchange).get(symbol, {})
    prices = [read_mark(path, _step_ms(timeframe)) for timeframe, path in found.items()]
    return joined_points(no_points(), *(KnownPoints(known.ts, known.ts, known.values) for known in prices))


def _step_ms(timeframe: str) -> int:
    return TIMEFRAMES.get(timeframe, DAY_MS // 3)
