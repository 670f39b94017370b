"""Which mark price stands beside which execution bar, and what is tested on it."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.accounting import Account
from quant_pipelines.accounting.margin import MarginTerms
from quant_pipelines.backtest.bar.state import FillTerms, StepBar, StepTerms, opening_state
from quant_pipelines.backtest.bar.step import step_bar
from quant_pipelines.backtest.bar.stops import EXIT_REASONS
from quant_pipelines.backtest.market.marks import MarkUse, marks_on, paid_on_marks, reach_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.costs import CostTerms

N = 6
ISOLATED = MarginTerms(np.array([[0.0, 0.02, 0.0]]), 10.0, 0.0)  # a long from 100 is liquidated at 91.84
TERMS = StepTerms(CostTerms(0.0, 0.0), 0.0, 0.0, HOUR_MS, margin=ISOLATED)
LIQUIDATED_AT = 100.0 * (1.0 - 1.0 / 10.0) / (1.0 - 0.02)


def bars_of(timeframe: str, step_ms: int, n: int = N) -> Bars:
    ts = step_ms * np.arange(n, dtype=np.int64)
    price = 100.0 + np.arange(n)
    return Bars("X/USDT:USDT", timeframe, ts, price, price + 1.0, price - 1.0, price, np.ones(n))


def mark_of(bars: Bars) -> MarkSeries:
    return MarkSeries(bars.ts, bars.open, bars.high, bars.low, bars.step_ms, np.zeros(len(bars), dtype=bool))


def test_mark_bars_of_the_same_length_stand_beside_their_bar() -> None:
    execution = bars_of("5m", 5 * MINUTE_MS)
    mark = mark_of(execution.rows(1, 4))
    marks = marks_on(execution, mark)
    assert marks.open.tolist() == [0.0, 101.0, 102.0, 103.0, 0.0, 0.0]
    assert marks.low.tolist() == [0.0, 100.0, 101.0, 102.0, 0.0, 0.0]
    assert marks.use == MarkUse(3, 0, 0, 3)


def test_finer_mark_bars_are_joined_where_all_of_them_are_there() -> None:
    fine = bars_of("1m", MINUTE_MS, 15)
    known = np.ones(15, dtype=bool)
    known[7] = False
    mark = MarkSeries(
        *(c[known] for c in (fine.ts, fine.open, fine.high, fine.low)), MINUTE_MS, ~known[known]
    )
    marks = marks_on(bars_of("5m", 5 * MINUTE_MS, 3), mark)
    assert marks.high.tolist() == [105.0, 0.0, 115.0]
    assert marks.low.tolist() == [99.0, 0.0, 109.0]
    assert marks.use == MarkUse(2, 0, 1, 0)


def test_coarser_mark_bars_tell_the_open_of_one_bar_only() -> None:
    marks = marks_on(bars_of("5m", 5 * MINUTE_MS, 13), mark_of(bars_of("1h", HOUR_MS, 2)))
    assert marks.open.tolist() == [100.0, *[0.0] * 11, 101.0]
    assert not marks.low.any()
    assert marks.use == MarkUse(0, 0, 2, 11)


def test_index_prices_are_counted_apart() -> None:
    execution = bars_of("5m", 5 * MINUTE_MS)
    mark = mark_of(execution.rows(0, 2)).or_index(mark_of(execution))
    assert marks_on(execution, mark).use == MarkUse(2, 4, 0, 0)


def test_reach_is_as_wide_as_both_prices() -> None:
    execution = bars_of("5m", 5 * MINUTE_MS, 2)
    wide = replace(mark_of(execution), low=np.array([50.0, 101.0]), high=np.array([100.5, 300.0]))
    low, high = reach_of(execution, marks_on(execution, wide))
    assert (low.tolist(), high.tolist()) == ([50.0, 100.0], [101.0, 300.0])


def test_funding_without_a_mark_of_its_own_takes_that_of_the_series() -> None:
    slots = FundingSeries(np.array([0, HOUR_MS, 9 * HOUR_MS]), np.ones(3), np.array([7.0, np.nan, np.nan]))
    paid = paid_on_marks(slots, mark_of(bars_of("1h", HOUR_MS, 3)))
    np.testing.assert_array_equal(paid.mark_price, [7.0, 101.0, np.nan])


def exit_of(bar: StepBar, *, stop: float = 0.0, terms: StepTerms = TERMS) -> tuple[str, float]:
    state = opening_state(Account(1_000.0, 1.0, 100.0, 0.0, 0.0, 0.0), 0)
    state = state._replace(stop=state.stop._replace(price=stop), close=100.0)
    outcome = step_bar(state, bar, terms)
    if outcome.gap_stop.quantity:
        return EXIT_REASONS[outcome.gap_reason], outcome.gap_stop.price
    return EXIT_REASONS[outcome.stop_reason] if outcome.stop.quantity else "none", outcome.stop.price


QUIET = StepBar(0, 100.0, 101.0, 99.0, 100.0, 0.0)
WICK = StepBar(0, 100.0, 101.0, 80.0, 100.0, 0.0)
CALM_MARK = {"mark_open": 100.0, "mark_high": 101.0, "mark_low": 99.0}
FALLEN_MARK = {"mark_open": 100.0, "mark_high": 101.0, "mark_low": 91.0}
ON_MARK = TERMS._replace(fills=FillTerms(stops_on_mark=True))


def test_wick_of_the_last_price_does_not_liquidate_where_the_mark_stays() -> None:
    assert exit_of(WICK)[0] == "liquidation"
    assert exit_of(WICK._replace(**CALM_MARK))[0] == "none"


def test_mark_liquidates_at_the_liquidation_price_where_the_last_price_stays() -> None:
    reason, price = exit_of(QUIET._replace(**FALLEN_MARK))
    assert (reason, price) == ("liquidation", pytest.approx(LIQUIDATED_AT))


def test_mark_that_is_known_at_the_open_only_liquidates_there() -> None:
    assert exit_of(QUIET._replace(mark_open=91.0)) == ("liquidation", pytest.approx(LIQUIDATED_AT))
    assert exit_of(WICK._replace(mark_open=100.0))[0] == "liquidation"  # within the bar the last price counts


def test_stop_tests_the_last_price_unless_the_terms_say_mark() -> None:
    fallen = QUIET._replace(mark_open=100.0, mark_high=101.0, mark_low=94.0)
    assert exit_of(fallen, stop=95.0)[0] == "none"
    assert exit_of(fallen, stop=95.0, terms=ON_MARK) == ("hard_stop", 95.0)
    assert exit_of(WICK._replace(**CALM_MARK), stop=95.0) == ("hard_stop", 95.0)
    assert exit_of(WICK._replace(**CALM_MARK), stop=95.0, terms=ON_MARK)[0] == "none"


def test_stop_on_a_mark_that_is_unknown_tests_the_last_price() -> None:
    assert exit_of(WICK, stop=95.0, terms=ON_MARK) == ("hard_stop", 95.0)


def test_stop_on_mark_fills_at_an_open_of_the_last_price_beyond_it() -> None:
    gapped = StepBar(0, 93.0, 94.0, 92.0, 93.0, 0.0, 0.0, 94.0, 95.0, 94.0)
    assert exit_of(gapped, stop=95.0, terms=ON_MARK) == ("hard_stop", 93.0)
