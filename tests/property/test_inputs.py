"""Inputs of strategies: nothing is seen before it was known, and the future changes nothing."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.asof import KnownPoints, rows_as_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.rollup import roll_up_bars
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS
from quant_pipelines.sdk import Inputs, Int, Strategy, attach_inputs
from quant_pipelines.sdk.attach import MAX_AGE_MS
from quant_pipelines.sdk.trial.bars import shocks

N_BARS = 60
BARS = shocks(N_BARS, 5)
LAST_MS = int(BARS.close_ts[-1])


class Reader(Strategy):
    """Reads everything there is."""

    inputs = Inputs(funding=True, open_interest=True, index=True, mark=True, timeframes=("1h", "4h", "1d"))
    window = Int(3, low=1, high=4)


@dataclass(frozen=True)
class World:
    """What is stored of all series by a moment: values that were not known then are not there."""

    series: dict[str, KnownPoints]
    own: Bars
    until_ms: int = LAST_MS

    def points(self, symbol: str, name: str, start_ms: int, end_ms: int) -> KnownPoints:
        points = self.series[name]
        return points.where(points.known_at <= self.until_ms).between(start_ms, end_ms)

    def own_bars(self, symbol: str, timeframe: str, start_ms: int, end_ms: int) -> Bars:
        stored = {"1h": BARS, "4h": self.own}.get(timeframe, BARS.rows(0, 0))
        closed = stored.rows(0, int(np.searchsorted(stored.close_ts, self.until_ms, side="right")))
        return closed.between(start_ms, end_ms)


@st.composite
def known_points(draw: st.DrawFn) -> KnownPoints:
    """Points in any order, late, revised, and beyond the bars."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(-30, N_BARS + 5),
                st.integers(0, 20),
                st.floats(-1, 1),
                st.sampled_from([0, 60_000]),
            ),
            max_size=40,
        )
    )
    ts = np.array([hour * HOUR_MS for hour, *_ in rows], dtype=np.int64)
    delay = np.array([late * HOUR_MS + odd for _, late, _, odd in rows], dtype=np.int64)
    return KnownPoints(ts, ts + delay, np.array([value for *_, value, _ in rows], dtype=np.float64))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    rolled = roll_up_bars(BARS, "4h")
    kept = draw(st.integers(0, len(rolled)))
    own = Bars(
        rolled.symbol,
        "4h",
        rolled.ts,
        *(rolled.open, rolled.high, rolled.low, rolled.close, rolled.volume * 2.0),
    ).rows(kept, len(rolled))
    return World({name: draw(known_points()) for name in MAX_AGE_MS}, own)


@given(known_points(), st.lists(st.integers(-40 * HOUR_MS, 100 * HOUR_MS), min_size=1, max_size=20))
def test_as_of_finds_what_a_search_through_all_points_finds(points: KnownPoints, moments: list[int]) -> None:
    found = rows_as_of(points, np.array(moments, dtype=np.int64))
    for moment, row in zip(moments, found.tolist(), strict=True):
        visible = [k for k in range(len(points)) if points.known_at[k] <= moment]
        best = max(visible, key=lambda k: (points.ts[k], points.known_at[k]), default=None)
        if best is None:
            assert row == -1
        else:
            assert (points.ts[row], points.known_at[row]) == (points.ts[best], points.known_at[best])


@given(worlds(), st.integers(1, N_BARS - 5))
def test_a_history_that_ends_earlier_gives_the_same_inputs(world: World, cut: int) -> None:
    """Cutting the bars off and everything that was not known by then changes no value before."""
    whole = attach_inputs(Reader, BARS, world)
    part = BARS.rows(0, cut)
    early = attach_inputs(Reader, part, World(world.series, world.own, int(part.close_ts[-1])))
    for name, column in early.extras.items():
        np.testing.assert_array_equal(column, whole.extras[name][:cut])
    for timeframe, higher in early.higher.items():
        assert np.array_equal(higher.row, whole.higher[timeframe].row[:cut])
        for column in ("open", "high", "low", "close", "volume"):
            np.testing.assert_array_equal(
                getattr(higher, column), getattr(whole.higher[timeframe], column)[:cut]
            )


@given(worlds())
def test_every_value_was_known_at_its_bars_close_and_is_not_too_old(world: World) -> None:
    bars = attach_inputs(Reader, BARS, world)
    for name in ("open_interest", "index_close", "mark_close"):
        points = world.series[name]
        for close_ms, value in zip(bars.close_ts.tolist(), bars.extras[name].tolist(), strict=True):
            if not np.isnan(value):
                ages = close_ms - points.ts[(points.known_at <= close_ms) & (points.values == value)]
                assert ages.size
                assert ages.min() <= MAX_AGE_MS[name]


@given(worlds())
def test_no_higher_bar_is_seen_before_it_closed(world: World) -> None:
    bars = attach_inputs(Reader, BARS, world)
    for higher in bars.higher.values():
        seen = higher.row >= 0
        assert (higher.bars.close_ts[higher.row[seen]] <= bars.close_ts[seen]).all()


@given(worlds(), st.integers(0, N_BARS // 2), st.integers(0, N_BARS // 2))
def test_rows_of_bars_keep_every_value(world: World, start: int, length: int) -> None:
    bars = attach_inputs(Reader, BARS, world)
    part = bars.rows(start, start + length)
    for name, column in part.extras.items():
        np.testing.assert_array_equal(column, bars.extras[name][start : start + length])
    for timeframe, higher in part.higher.items():
        np.testing.assert_array_equal(higher.close, bars.on(timeframe).close[start : start + length])
        if len(higher.bars):
            assert higher.bars.close_ts[-1] <= part.close_ts[-1]


def test_payments_become_known_a_minute_behind_their_slot() -> None:
    slot = np.array([8 * HOUR_MS])
    empty = KnownPoints(slot[:0], slot[:0], np.empty(0))
    series = dict.fromkeys(MAX_AGE_MS, empty) | {"funding_rate": KnownPoints(slot, slot, np.array([0.1]))}
    rates = attach_inputs(Reader, BARS, World(series, BARS.rows(0, 0))).funding_rate
    first = int(np.argmax(~np.isnan(rates)))
    assert BARS.close_ts[first - 1] < 8 * HOUR_MS + MINUTE_MS <= BARS.close_ts[first]
