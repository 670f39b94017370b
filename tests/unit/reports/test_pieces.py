"""Axes, thinned lines, merged candles, excursions, numbers."""

import numpy as np
import pytest

from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from quant_pipelines.reports.axes import money_axis, number_axis, time_axis
from quant_pipelines.reports.candles import merge
from quant_pipelines.reports.charts import COLUMNS, path_of, thinned
from quant_pipelines.reports.excursions import adverse_excursions
from quant_pipelines.reports.months import monthly_returns
from quant_pipelines.reports.numbers import NOTHING, duration, percent, plain
from quant_pipelines.reports.run import BacktestRun
from tests.unit.reports.conftest import bars_of

YEAR_START = day_start_ms("2024-01-01")


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 10.0], ["0", "2", "4", "6", "8", "10"]),
        ([-0.03, 0.011], ["-0.03", "-0.02", "-0.01", "0", "0.01", "0.02"]),
        ([5.0, 5.0], ["2", "3", "4", "5", "6", "7", "8"]),
        ([], ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
    ],
)
def test_number_axis_has_round_ticks_around_all_values(values: list[float], ticks: list[str]) -> None:
    axis = number_axis(np.array(values))
    assert [text for _, text in axis.ticks] == ticks


def test_money_axis_is_logarithmic_only_where_a_line_would_vanish() -> None:
    assert money_axis(np.array([1_000.0, 20_000.0])).is_log
    assert not money_axis(np.array([1_000.0, 9_000.0])).is_log
    assert not money_axis(np.array([-5.0, 9_000.0])).is_log


@pytest.mark.parametrize(
    ("length", "texts"),
    [
        (366 * DAY_MS, ["2024-01", "2024-03", "2024-05", "2024-07", "2024-09", "2024-11", "2025-01"]),
        (5 * DAY_MS, [f"2024-01-0{day}" for day in range(1, 7)]),
        (4 * HOUR_MS, [f"01-01 0{hour}:00" for hour in range(5)]),
        (20 * MINUTE_MS, [f"01-01 00:{minute:02}" for minute in (0, 5, 10, 15, 20)]),
    ],
)
def test_time_axis_has_ticks_at_round_times(length: int, texts: list[str]) -> None:
    assert [text for _, text in time_axis(YEAR_START, YEAR_START + length).ticks] == texts


def test_thinned_line_keeps_every_extreme() -> None:
    values = np.random.default_rng(7).normal(size=50_000).cumsum()
    picked = thinned(values)
    assert picked.size <= 4 * COLUMNS
    assert values[picked].max() == values.max()
    assert values[picked].min() == values.min()
    assert (picked[0], picked[-1]) == (0, 49_999)


def test_short_line_is_drawn_whole() -> None:
    assert thinned(np.zeros(100)).size == 100


def test_unknown_values_leave_a_gap() -> None:
    path = path_of(np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, np.nan, 6.0, 7.0]))
    assert path == "M0.0 5.0M2.0 6.0L3.0 7.0"


def test_merged_candles_keep_first_open_extremes_and_last_close() -> None:
    bars = bars_of(10)
    merged = merge(bars, 4)
    assert merged.ts.tolist() == bars.ts[[0, 4, 8]].tolist()
    assert merged.open[1] == bars.open[4]
    assert merged.close[1] == bars.close[7]
    assert (merged.high[1], merged.low[1]) == (bars.high[4:8].max(), bars.low[4:8].min())
    assert merged.close[2] == bars.close[9]


def test_excursion_is_the_worst_price_between_entry_and_exit(run: BacktestRun) -> None:
    trade, bars = run.result.trades[2], run.execution
    inside = bars.between(int(trade.entry_time.timestamp() * 1000), int(trade.exit_time.timestamp() * 1000))
    worst = inside.low.min() if trade.side == "long" else inside.high.max()
    side = 1 if trade.side == "long" else -1
    expected = side * (worst / trade.entry_price - 1)
    assert adverse_excursions(run)[2] == pytest.approx(min(expected, 0.0))


def test_months_compound_their_days() -> None:
    days = ["2024-01-30", "2024-01-31", "2024-02-01"]
    by_month = monthly_returns(days, np.array([0.1, 0.1, -0.5]))
    assert by_month == {"2024-01": pytest.approx(0.21), "2024-02": pytest.approx(-0.5)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (percent(-0.0312), "-3.12 %"),
        (percent(None), NOTHING),
        (percent(float("nan")), NOTHING),
        (plain(0.000012345678), "0.0000123457"),
        (plain(1234567.0), "1,234,567"),
        (plain(97_123.45678), "97,123.5"),
        (duration(90 * MINUTE_MS), "1 h 30 min"),
        (duration(24 * HOUR_MS), "1 d"),
        (duration(26 * HOUR_MS), "1 d 2 h"),
    ],
)
def test_numbers_are_written_for_a_person(text: str, expected: str) -> None:
    assert text == expected
