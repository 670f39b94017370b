from typing import Any

import numpy as np
import pytest

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, day_start_ms
from quant_pipelines.marketdata.checks import BLOCK, WARNING, Finding
from quant_pipelines.marketdata.checks.series import Known, check_series

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


def found(bars: Bars, *, now_ms: int = LATER, **known: Any) -> dict[str, Finding]:
    findings = check_series(bars, Window(DAY, DAY + DAY_MS), now_ms=now_ms, known=Known(**known))
    return {finding.check_name: finding for _, finding in findings}


def stretched(bars: Bars, step_ms: int, timeframe: str) -> Bars:
    """The same prices in bars of another timeframe, one after another."""
    ts = DAY + np.arange(len(bars)) * step_ms
    return Bars(bars.symbol, timeframe, ts, *(getattr(bars, name) for name in COLUMNS))


def several(bars: Bars, name: str, positions: slice, value: float) -> Bars:
    columns = {one: getattr(bars, one).copy() for one in COLUMNS}
    columns[name][positions] = value
    return Bars(bars.symbol, bars.timeframe, bars.ts, **columns)


def spiked(bars: Bars, name: str = "low", value: float = 60.0) -> Bars:
    return replaced(bars, name, 700, value)


def test_complete_day_has_no_findings() -> None:
    assert found(a_day()) == {}


@pytest.mark.parametrize(("missing", "severity"), [(1, WARNING), (28, WARNING), (30, BLOCK), (1440, BLOCK)])
def test_gap_warns_when_small_and_blocks_when_large(missing: int, severity: str) -> None:
    gap = found(keep(a_day(), np.arange(missing, 1440)))["gaps"]
    assert (gap.count, gap.severity) == (missing, severity)


def test_nothing_is_missing_before_the_first_bar_ever() -> None:
    assert found(keep(a_day(), np.arange(700, 1440)), first_ms=DAY + 700 * MINUTE_MS) == {}


def test_nothing_is_missing_after_todays_newest_bar() -> None:
    assert found(a_day(600), now_ms=DAY + 605 * MINUTE_MS) == {}


def test_gap_inside_today_is_found() -> None:
    bars = keep(a_day(600), np.delete(np.arange(600), 300))
    assert found(bars, now_ms=DAY + 605 * MINUTE_MS)["gaps"].to_row()["detail"]["at"] == ["2024-03-15 05:00"]


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
    assert (suspected.severity, suspected.times) == (WARNING, (DAY + 700 * MINUTE_MS,))


def test_bar_that_never_existed_is_not_missing() -> None:
    bars = keep(a_day(), np.arange(30, 1440))
    assert found(bars, missing=DAY + np.arange(30) * MINUTE_MS) == {}
    assert found(bars, missing=DAY + np.arange(29) * MINUTE_MS)["gaps"].count == 1


def test_bar_beside_the_grid_blocks() -> None:
    bars = a_day()
    ts = bars.ts.copy()
    ts[9] += 1_000
    off = found(Bars(bars.symbol, "1m", ts, *(getattr(bars, name) for name in COLUMNS)))["off_grid"]
    assert (off.severity, off.times) == (BLOCK, (DAY + 9 * MINUTE_MS + 1_000,))


@pytest.mark.parametrize(("name", "value"), [("low", 60.0), ("high", 180.0)])
def test_spike_there_and_back_is_an_outlier(name: str, value: float) -> None:
    outlier = found(spiked(a_day(), name, value))["outliers"]
    assert (outlier.severity, outlier.times) == (WARNING, (DAY + 700 * MINUTE_MS,))


def test_price_that_stays_where_it_jumped_is_no_outlier() -> None:
    bars = a_day()
    factor = np.where(np.arange(1440) >= 700, 0.7, 1.0)
    columns = {name: getattr(bars, name) * factor for name in COLUMNS[:4]}
    crash = Bars(bars.symbol, "1m", bars.ts, **columns, volume=bars.volume)
    assert "outliers" not in found(crash)


@pytest.mark.parametrize(("depth", "is_fault"), [(60.0, False), (99.0, True)])
def test_flash_crash_that_another_timeframe_has_as_well_is_no_fault(depth: float, is_fault: bool) -> None:
    hours = keep(stretched(a_day(24), 60 * MINUTE_MS, "1h"), np.arange(24))
    witness = several(several(hours, "low", slice(None), depth), "high", slice(None), 200.0)
    assert ("outliers" in found(spiked(a_day()), witness=witness)) is is_fault


def test_shorter_bars_are_a_witness_too() -> None:
    hours = stretched(a_day(24), 60 * MINUTE_MS, "1h")
    crash = replaced(hours, "low", 12, 60.0)
    minutes = several(a_day(), "high", slice(None), 200.0)
    assert found(crash, witness=minutes)["outliers"].count == 1
    assert "outliers" not in found(crash, witness=replaced(minutes, "low", 12 * 60 + 30, 60.0))


def test_odd_bar_that_the_exchange_confirmed_is_left_alone() -> None:
    assert found(spiked(a_day()), confirmed=np.array([DAY + 700 * MINUTE_MS])) == {}


@pytest.mark.parametrize(("length", "is_found"), [(29, False), (30, True)])
def test_half_an_hour_without_volume_is_found(length: int, is_found: bool) -> None:
    findings = found(several(a_day(), "volume", slice(100, 100 + length), 0.0))
    assert ("zero_volume" in findings) is is_found


def test_longer_bars_without_volume_are_found_from_six_on() -> None:
    hours = stretched(a_day(24), 60 * MINUTE_MS, "1h")
    assert "zero_volume" not in found(several(hours, "volume", slice(5, 10), 0.0))
    assert found(several(hours, "volume", slice(5, 11), 0.0))["zero_volume"].count == 6


def test_price_that_is_frozen_while_volume_trades_is_found() -> None:
    bars = a_day()
    for name in COLUMNS[:4]:
        bars = several(bars, name, slice(200, 240), float(bars.close[199]))
    frozen = found(bars)["frozen_price"]
    assert (frozen.severity, frozen.count) == (WARNING, 40)


@pytest.mark.parametrize(("late_minutes", "missing"), [(10, 0), (11, 11)])
def test_feed_that_stopped_today_is_found_after_ten_minutes(late_minutes: int, missing: int) -> None:
    stale = found(a_day(600), now_ms=DAY + (600 + late_minutes) * MINUTE_MS).get("stale_feed")
    assert (stale.count if stale else 0) == missing
