"""Funding as the commands book it: every slot once, at a stated price, and what is not known is said."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, timeframe_ms

Quant = Callable[..., tuple[int, Any, str]]
START = day_start_ms("2025-03-01")
FREE = ("--fee-bps", "0", "--slippage-bps", "0")
LONG = '''"""Long all the time."""
import numpy as np
from quant_pipelines.sdk import Array, Bars, Inputs, Int, Strategy


class Long(Strategy):
    """Long, whatever the parameter."""

    inputs = Inputs(symbols=1)
    nothing = Int(1, low=1, high=2)

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))
'''


@pytest.fixture
def long(tmp_path: Path) -> Path:
    path = tmp_path / "long.py"
    path.write_text(LONG)
    return path


def write(folder: Path, name: str, columns: dict[str, Any]) -> None:
    folder = folder / "binance_um"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def write_bars(archive: Path, timeframe: str, opens: FloatArray, closes: FloatArray) -> None:
    ts = START + timeframe_ms(timeframe) * np.arange(opens.size, dtype=np.int64)
    low, high = np.minimum(opens, closes), np.maximum(opens, closes)
    volume = np.full(opens.size, 1_000.0)
    columns = {"ts": ts, "open": opens, "high": high, "low": low, "close": closes, "volume": volume}
    write(archive / "klines", f"AUSDT-{timeframe}", columns)


def write_flat(archive: Path, days: int, *timeframes: str) -> Path:
    for timeframe in timeframes:
        flat = np.full(days * DAY_MS // timeframe_ms(timeframe), 100.0)
        write_bars(archive, timeframe, flat, flat)
    return archive


def write_slots(archive: Path, ts: IntArray, mark: float | None = None) -> None:
    """Slots of 0.001, stamped a few milliseconds late as exchanges do."""
    columns = {"ts": ts + 7, "rate": np.full(ts.size, 0.001)}
    if mark is not None:
        columns["mark_price"] = np.full(ts.size, mark)
    write(archive / "funding", "AUSDT", columns)


def every(hours: int, start_day: float, end_day: float) -> IntArray:
    ts: IntArray = START + HOUR_MS * np.arange(24 * start_day, 24 * end_day, hours).astype(np.int64)
    return ts


def test_slots_inside_the_last_bar_are_paid(quant: Quant, long: Path, tmp_path: Path) -> None:
    archive = write_flat(tmp_path / "archive", 3, "1d", "1h")
    write_slots(archive, every(8, 0, 3), mark=100.0)
    code, document, _ = quant(
        "backtest", long, "A/USDT:USDT", "--timeframe", "1d", "--archive", archive, *FREE, "--json"
    )
    assert (code, document["funding_paid"], document["final_equity"]) == (0, 50.0, 9_950.0)
    assert document["funding_use"] == {"mark": 9, "mark_series": 0, "close": 0, "open": 0}
    assert document["known_funding"]["share"] == 1.0


@pytest.mark.parametrize(
    ("timeframe", "paid"), [("1h", 410.7730673), ("4h", 407.7227723), ("1d", 359.0566038)]
)
def test_slots_without_a_mark_price_are_paid_on_the_finest_close(
    timeframe: str, paid: float, quant: Quant, long: Path, tmp_path: Path
) -> None:
    """The interval goes from 8 to 4 to 1 hours while the price climbs by a quarter an hour."""
    archive = tmp_path / "archive"
    for name, hours in (("1h", 1), ("4h", 4), ("1d", 24)):
        path = 100.0 + 0.25 * hours * np.arange(96 // hours + 1)
        write_bars(archive, name, path[:-1], path[1:])
    write_slots(archive, np.concatenate([every(8, 0, 2), every(4, 2, 3), every(1, 3, 4)]))
    code, document, _ = quant(
        "backtest", long, "A/USDT:USDT", "--timeframe", timeframe, "--archive", archive, *FREE, "--json"
    )
    assert (code, document["funding_paid"]) == (0, pytest.approx(paid, abs=1e-7))
    assert document["funding_use"] == {"mark": 0, "mark_series": 0, "close": 35, "open": 1}
    assert document["known_funding"]["missing_slots"] == 0


def test_slots_that_are_missing_are_named(
    quant: Quant, long: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Funding ends after 10 of 30 days: 29 slots are booked, 60 are not known."""
    archive = write_flat(tmp_path / "archive", 30, "1h")
    write_slots(archive, every(8, 0, 10))
    arguments = ("backtest", str(long), "A/USDT:USDT", "--archive", str(archive), *FREE)
    code, document, _ = quant(*arguments, "--json", "--report", tmp_path / "page.html")
    assert (code, document["funding_paid"]) == (0, 290.0)
    assert document["known_funding"] == {
        "share": pytest.approx(231.0 / 719.0),
        "missing_slots": 60,
        "first_missing": "2025-03-11T00:00:00+00:00",
        "last_missing": "2025-03-30T16:00:00+00:00",
    }
    told = "funding of 60 slots from 2025-03-11 00:00 to 2025-03-30 16:00 (known for 32.1% of the time held)"
    assert told in document["not_modelled"]
    assert told in (tmp_path / "page.html").read_text()
    main(list(arguments))
    assert told in capfd.readouterr().out


@pytest.mark.parametrize("timeframe", ["1d", "1h"])
@pytest.mark.parametrize("days", [132, 140])
def test_each_slot_is_paid_once_whatever_fold_it_lies_in(
    timeframe: str, days: int, quant: Quant, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four folds of ten days, or an open one of eight: what is held over their edges pays as in one run.

    A run alone closes at its end and pays the slot there, so it gets none; what a record holds stays held.
    """
    monkeypatch.setenv("QUANT_COSTS__FEE_BPS", "0")
    monkeypatch.setenv("QUANT_COSTS__SLIPPAGE_BPS", "0")
    archive = write_flat(tmp_path / "archive", days, timeframe)
    write_slots(archive, every(8, 0, days), mark=100.0)
    walked = quant(*searched(long, archive, timeframe), "--json")[1]
    outside = walked["out_of_sample"]
    first = datetime.fromisoformat(walked["window_end"]) - timedelta(days=outside["days"])
    run = ("backtest", long, "A/USDT:USDT", "--timeframe", timeframe, "--archive", archive)
    whole = quant(*run, "--start", f"{first:%Y-%m-%d}", "--json")[1]
    assert sum(whole["funding_use"].values()) == 3 * outside["days"]
    assert outside["total_return"] == pytest.approx(whole["final_equity"] / 10_000.0 - 1.0, abs=1e-12)
    gate = next(gate for gate in walked["gates"] if gate["name"] == "known_funding")
    assert (gate["value"], gate["passed"]) == (1.0, True)


def test_research_refuses_a_share_of_known_funding_below_the_stated_one(
    quant: Quant, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_flat(tmp_path / "archive", 132, "1d")
    write_slots(archive, every(8, 0, 122), mark=100.0)
    _, document, _ = quant(*searched(long, archive, "1d"), "--json")
    gate = next(gate for gate in document["gates"] if gate["name"] == "known_funding")
    assert (gate["passed"], gate["threshold"], round(gate["value"], 3)) == (False, 0.95, 0.735)
    assert gate["detail"].endswith("; 30 slots from 2025-07-01 00:00 to 2025-07-10 16:00 missing")
    monkeypatch.setenv("QUANT_GATES__PAPER_MIN_KNOWN_FUNDING", "0.7")
    _, document, _ = quant(*searched(long, archive, "1d"), "--json")
    assert next(gate for gate in document["gates"] if gate["name"] == "known_funding")["passed"]


def searched(strategy: Path, archive: Path, timeframe: str) -> tuple[str | Path, ...]:
    search = ("--folds", "4", "--searcher", "grid", "--trials", "2")
    return ("optimize", strategy, "A/USDT:USDT", "--timeframe", timeframe, "--archive", archive, *search)
