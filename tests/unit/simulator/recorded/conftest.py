"""Small archives that the tests write: random walks on a grid of ticks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS

FIRST_MS = 20_006 * DAY_MS
DAYS = 15

Columns = dict[str, Any]


def walk(seed: int, n_bars: int, step_ms: int, first_ms: int = FIRST_MS) -> Columns:
    """Bars on ticks of 0.01 and lots of 0.1 that join without a jump."""
    rng = np.random.default_rng(seed)
    closes = 10_000 + np.cumsum(rng.integers(-6, 7, n_bars))
    opens = np.concatenate(([10_000], closes[:-1]))
    high = np.maximum(opens, closes) + rng.integers(0, 5, n_bars)
    low = np.minimum(opens, closes) - rng.integers(0, 5, n_bars)
    prices = {"open": opens, "high": high, "low": low, "close": closes}
    return {
        "ts": first_ms + step_ms * np.arange(n_bars, dtype=np.int64),
        **{name: values / 100 for name, values in prices.items()},
        "volume": rng.integers(0, 400, n_bars) / 10,
    }


def hours_of(minutes: Columns) -> Columns:
    """Complete hours of minutes that begin on the hour."""
    whole = {name: values[: len(values) // 60 * 60].reshape(-1, 60) for name, values in minutes.items()}
    return {
        "ts": whole["ts"][:, 0],
        "open": whole["open"][:, 0],
        "high": whole["high"].max(axis=1),
        "low": whole["low"].min(axis=1),
        "close": whole["close"][:, -1],
        "volume": np.round(whole["volume"].sum(axis=1), 1),
    }


Write = Callable[[str, Columns], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def write(folder: Path) -> Write:
    """Write one file of the archive, by its path inside."""

    def written(name: str, columns: Columns) -> Path:
        path = folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
        return path

    return written


@pytest.fixture
def archive_folder(folder: Path, write: Write) -> Path:
    """BTC with everything, ETH with minutes only, DOGE with hours only."""
    minutes = walk(1, DAYS * 1440, MINUTE_MS)
    hours = hours_of(minutes)
    write("klines/binance_um/BTCUSDT-1m", minutes)
    write("klines/binance_um/BTCUSDT-1h", hours)
    write("klines/binance_um/ETHUSDT-1m", walk(2, DAYS * 1440, MINUTE_MS))
    write("klines/binance_um/DOGEUSDT-1h", walk(3, 60 * 24, HOUR_MS, FIRST_MS - 30 * DAY_MS))
    stamps = FIRST_MS + 8 * HOUR_MS * np.arange(DAYS * 3, dtype=np.int64) + 3
    write("funding/binance_um/BTCUSDT", {"ts": stamps, "rate": np.linspace(1e-4, 2e-4, DAYS * 3)})
    mark = {"ts": hours["ts"], "open": hours["open"] * 1.001}
    write("mark/binance_um/BTCUSDT-1h", mark)
    interest = {"ts": hours["ts"], "open_interest": 1000.0 + np.arange(len(hours["ts"]))}
    write("open_interest/bybit_linear/BTCUSDT-1h", interest)
    return folder
