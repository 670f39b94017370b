from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms, floor_ms
from quant_pipelines.marketdata.quality import BLOCK, WARNING, Finding, check_day

DAY = day_start_ms("2024-03-15")
LATER = DAY + 5 * DAY_MS
COLUMNS = ("open", "high", "low", "close", "volume")


def a_day(count: int = 1440) -> Bars:
    path = 100.0 + np.sin(np.arange(count + 1) / 50.0)
    opened, closed = path[:-1], path[1:]
    high, low = np.maximum(opened, closed), np.minimum(opened, closed)
    return Bars(
        "BTC/USDT:USDT", "1m", DAY + np.arange(count) * MINUTE_MS, opened, high, low, closed, np.ones(count)
    )


def keep(bars: Bars, positions: np.ndarray) -> Bars:
    return Bars(
        bars.symbol, bars.timeframe, bars.ts[positions], *(getattr(bars, n)[positions] for n in COLUMNS)
    )


def replaced(bars: Bars, name: str, position: int, value: float) -> Bars:
    columns = {one: getattr(bars, one).copy() for one in COLUMNS}
    columns[name][position] = value
    return Bars(bars.symbol, bars.timeframe, bars.ts, **columns)


def found(bars: Bars, *, first_ms: int = 0, now_ms: int = LATER) -> dict[str, Finding]:
    return {finding.check_name: finding for finding in check_day(bars, DAY, first_ms=first_ms, now_ms=now_ms)}


def test_complete_day_has_no_findings() -> None:
    assert found(a_day()) == {}


@pytest.mark.parametrize(("missing", "severity"), [(1, WARNING), (28, WARNING), (30, BLOCK), (1440, BLOCK)])
def test_gap_warns_when_small_and_blocks_when_large(missing: int, severity: str) -> None:
    gap = found(keep(a_day(), np.arange(missing, 1440)))["gaps"]
    assert (gap.count, gap.severity) == (missing, severity)


def test_nothing_is_missing_before_the_first_bar_ever() -> None:
    assert found(keep(a_day(), np.arange(700, 1440)), first_ms=DAY + 700 * MINUTE_MS) == {}


def test_nothing_is_missing_after_todays_newest_bar() -> None:
    assert found(a_day(600), now_ms=DAY + 640 * MINUTE_MS) == {}


def test_gap_inside_today_is_found() -> None:
    bars = keep(a_day(600), np.delete(np.arange(600), 300))
    assert found(bars, now_ms=DAY + 640 * MINUTE_MS)["gaps"].detail["at"] == ["2024-03-15 05:00"]


def test_bar_that_is_there_twice_blocks() -> None:
    assert found(keep(a_day(), np.sort(np.append(np.arange(1440), 9))))["duplicates"].severity == BLOCK


@pytest.mark.parametrize(
    ("name", "value"), [("high", 90.0), ("low", 110.0), ("low", -1.0), ("close", np.nan), ("volume", -1.0)]
)
def test_impossible_bar_blocks(name: str, value: float) -> None:
    assert found(replaced(a_day(), name, 5, value))["ohlc"].count == 1


def test_bar_that_has_not_closed_blocks() -> None:
    half_open = found(a_day(600), now_ms=DAY + 600 * MINUTE_MS - 1)["half_open_bar"]
    assert (half_open.count, half_open.severity) == (1, BLOCK)


def test_close_far_from_the_next_open_is_suspected() -> None:
    suspected = found(replaced(a_day(), "close", 700, 100.4))["suspected_half_open_bar"]
    assert (suspected.severity, suspected.detail["at"]) == (WARNING, ["2024-03-15 11:40"])


def test_bars_saved_while_open_are_suspected_in_real_data(archive: Path) -> None:
    table = parquet.read_table(archive / "dirty" / "BTCUSDT-1h-partial-bars.parquet")
    columns = {name: table[name].to_numpy() for name in ("ts", *COLUMNS)}
    bars = Bars("BTC/USDT:USDT", "1h", **columns)
    times: list[str] = []
    for start in range(floor_ms(int(bars.ts[0]), DAY_MS), int(bars.ts[-1]), DAY_MS):
        day = bars.between(start, start + DAY_MS)
        findings = check_day(day, start, first_ms=0, now_ms=int(bars.ts[-1]) + HOUR_MS)
        times += [
            at for one in findings if one.check_name == "suspected_half_open_bar" for at in one.detail["at"]
        ]
    # The archive names eight; the last is the newest bar of all, so nothing follows that could contradict it.
    assert {"2026-03-23 14:00", "2026-03-24 15:00"} <= set(times)
    assert all(time >= "2026-03-23" for time in times)
