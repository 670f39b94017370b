"""A seeded market in archive form, with all that strategies declare: nothing of it comes from outside."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS

SYMBOLS = ("BTCUSDT", "ETHUSDT", "LINKUSDT")
HOURS = 200 * 24
START_MS = 1_704_067_200_000 - 40 * DAY_MS


def write_market(folder: Path) -> Path:
    """Write 200 days of hourly bars of three symbols, with funding, open interest, mark and index."""
    rng = np.random.default_rng(20_240_101)
    common = rng.normal(0.0, 0.006, HOURS)
    for number, name in enumerate(SYMBOLS):
        drift = 0.004 * np.sin(np.arange(HOURS) / (90.0 + 40.0 * number))
        close = 100.0 * np.exp(np.cumsum(0.7 * common + rng.normal(0.0, 0.005, HOURS) + drift / 4))
        _write_symbol(folder, name, close, rng)
    return folder


def _write_symbol(folder: Path, name: str, close: FloatArray, rng: np.random.Generator) -> None:
    ts = START_MS + HOUR_MS * np.arange(HOURS, dtype=np.int64)
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, 0.0005, HOURS))
    wick = np.abs(rng.normal(0.0, 0.003, (2, HOURS)))
    bars = {
        "open": opened,
        "high": np.maximum(opened, close) * (1.0 + wick[0]),
        "low": np.minimum(opened, close) * (1.0 - wick[1]),
        "close": close,
        "volume": rng.lognormal(3.0, 0.8, HOURS),
    }
    _write(folder / "klines", f"{name}-1h", {"ts": ts, **bars})
    for place, noise in (("mark", 0.0003), ("index", 0.001)):
        near = np.exp(rng.normal(0.0, noise, HOURS))
        prices = {field: values * near for field, values in bars.items() if field != "volume"}
        _write(folder / place, f"{name}-1h", {"ts": ts, **prices, "volume": np.zeros(HOURS)})
    slots = ts[::8]
    rates = rng.normal(0.0001, 0.0004, slots.size)
    _write(folder / "funding", name, {"ts": slots, "rate": rates, "slot": slots})
    interest = 1_000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, HOURS)))
    _write(folder / "open_interest", f"{name}-1h", {"ts": ts, "open_interest": interest})


def _write(place: Path, name: str, columns: dict[str, FloatArray]) -> None:
    folder = place / "binance_um"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")
