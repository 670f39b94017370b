"""Real days: daily returns of the perpetual futures that an archive holds without a gap since 2023."""

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from quant_pipelines import archive
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, to_ms

EXCHANGE = "binanceusdm"
SYMBOLS = tuple(
    f"{base}/USDT:USDT"
    for base in (
        "ADA APT AR ATOM AVAX BCH BNB BTC DOGE DOT ETH FIL ICP LINK LTC NEAR THETA TRX XRP".split()  # noqa: SIM905
    )
)
FIRST_MS = to_ms(datetime(2023, 1, 1, tzinfo=UTC))
LAST_MS = to_ms(datetime(2025, 10, 1, tzinfo=UTC))


def archive_folder() -> Path:
    """Folder that ``QUANT_ARCHIVE`` names, else the one beside the repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("QUANT_ARCHIVE") or beside)


def is_there() -> bool:
    return (archive_folder() / "klines").is_dir()


@cache
def real_days() -> FloatArray:
    """Close to close at 00:00 UTC, shape (n_days, n_symbols)."""
    closes = []
    for symbol in SYMBOLS:
        bars = archive.load_bars(archive_folder(), symbol, "1h", exchange=EXCHANGE)
        hours = bars.between(FIRST_MS, LAST_MS)
        assert len(hours) == (LAST_MS - FIRST_MS) // HOUR_MS, f"{symbol} has gaps"
        closes.append(hours.close[hours.close_ts % DAY_MS == 0])
    return np.diff(np.column_stack(closes), axis=0) / np.column_stack(closes)[:-1]
