from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.archive import load_points
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS

FIRST = 20_000 * DAY_MS
HOURS = FIRST + HOUR_MS * np.arange(4)
BTC = "BTC/USDT:USDT"


def write(folder: Path, name: str, **columns: list[float] | np.ndarray) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({key: np.asarray(values) for key, values in columns.items()}), path)


def test_open_interest_is_known_five_minutes_later(tmp_path: Path) -> None:
    write(
        tmp_path, "open_interest/binance_um/BTCUSDT-1h.parquet", ts=HOURS, open_interest=[1.0, 2.0, 3.0, 4.0]
    )
    points = load_points(tmp_path, BTC, "open_interest")
    assert points.ts.tolist() == HOURS.tolist()
    assert points.known_at.tolist() == (HOURS + 5 * MINUTE_MS).tolist()
    assert points.values.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_open_interest_of_another_venue_stands_in(tmp_path: Path) -> None:
    write(
        tmp_path,
        "open_interest/bybit_linear/BTCUSDT-1h.parquet",
        ts=HOURS,
        open_interest=[1.0, 2.0, 3.0, 4.0],
    )
    assert len(load_points(tmp_path, BTC, "open_interest")) == 4


@pytest.mark.parametrize(("name", "place"), [("mark_close", "mark"), ("index_close", "index")])
def test_a_price_bar_tells_its_open_when_it_opens(tmp_path: Path, name: str, place: str) -> None:
    write(tmp_path, f"{place}/binance_um/BTCUSDT-1h.parquet", ts=HOURS, open=[1.0, 2.0, 3.0, 4.0])
    points = load_points(tmp_path, BTC, name)
    assert points.ts.tolist() == points.known_at.tolist() == HOURS.tolist()


def test_a_file_of_closes_tells_them_a_bar_later(tmp_path: Path) -> None:
    write(tmp_path, "mark/binance_um/BTCUSDT-1h-close.parquet", ts=HOURS, mark_price=[1.0, 2.0, 3.0, 4.0])
    points = load_points(tmp_path, BTC, "mark_close")
    assert points.ts.tolist() == points.known_at.tolist() == (HOURS + HOUR_MS).tolist()


def test_funding_is_told_as_it_was_paid(tmp_path: Path) -> None:
    write(tmp_path, "funding/binance_um/BTCUSDT.parquet", ts=HOURS + 7, rate=[1e-4, 2e-4, 3e-4, 4e-4])
    points = load_points(tmp_path, BTC, "funding_rate")
    assert points.ts.tolist() == HOURS.tolist()
    assert points.values.tolist() == [1e-4, 2e-4, 3e-4, 4e-4]


@pytest.mark.parametrize("name", ["funding_rate", "open_interest", "index_close", "mark_close"])
def test_what_an_archive_lacks_is_missing(tmp_path: Path, name: str) -> None:
    assert len(load_points(tmp_path, BTC, name)) == 0
