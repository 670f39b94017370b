from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.archive import load_mark
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS

SYMBOL = "BTC/USDT:USDT"
FIRST_MS = 20_000 * DAY_MS
BAR = {"open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0}


def archive_of(folder: Path, timeframe: str, step_ms: int, **columns: float) -> Path:
    place = folder / "mark" / "binance_um"
    place.mkdir(parents=True, exist_ok=True)
    ts = FIRST_MS + step_ms * np.arange(3, dtype=np.int64)
    values: dict[str, Any] = {name: np.full(3, value) for name, value in columns.items()}
    pq.write_table(pa.table({"ts": ts, **values}), place / f"BTCUSDT-{timeframe}.parquet")
    return folder


def test_bars_of_the_shortest_timeframe_are_taken(tmp_path: Path) -> None:
    archive_of(tmp_path, "8h", 8 * HOUR_MS, **BAR)
    mark = load_mark(archive_of(tmp_path, "1h", HOUR_MS, **BAR), SYMBOL)
    assert mark is not None
    assert (mark.step_ms, mark.open[0], mark.high[0], mark.low[0]) == (HOUR_MS, 100.0, 102.0, 99.0)


def test_closes_alone_are_points_known_a_bar_later(tmp_path: Path) -> None:
    mark = load_mark(archive_of(tmp_path, "1h", HOUR_MS, mark_price=100.0), SYMBOL)
    assert mark is not None
    assert mark.ts[0] == FIRST_MS + HOUR_MS
    assert np.isnan(mark.low).all()


def test_symbol_without_a_file_has_no_mark(tmp_path: Path) -> None:
    assert load_mark(tmp_path, SYMBOL) is None


@pytest.mark.parametrize("columns", [{"low": 99.0}, {"open": -1.0}])
def test_file_that_can_not_be_used_is_named(tmp_path: Path, columns: dict[str, float]) -> None:
    with pytest.raises(DataError, match=r"BTCUSDT-1h\.parquet"):
        load_mark(archive_of(tmp_path, "1h", HOUR_MS, **columns), SYMBOL)
