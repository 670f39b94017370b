"""A run that is cut, and goes on from what was left, equals the run that is not cut, to the last bit."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_pipelines.core.rollup import roll_up_bars
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS
from tests.parity.parts import assert_same_in_parts
from tests.property.examples import examples
from tests.property.test_lanes import N_BARS, bars_of, world_of


@given(st.integers(0, 2**32), st.lists(st.integers(1, N_BARS - 1), min_size=1, max_size=3, unique=True))
@settings(max_examples=examples(60))
def test_one_book_that_goes_on_equals_one_that_is_not_cut(seed: int, at: list[int]) -> None:
    strategies, market, asked, feed = world_of(seed)
    bars, cuts = market.bars, [int(market.bars.ts[bar]) for bar in sorted(at)]
    for strategy in strategies[:2]:
        assert_same_in_parts(strategy, [bars], {bars.symbol: feed}, asked, cuts=cuts)
    if bars.timeframe == "1m":
        coarse = roll_up_bars(bars, "5m")
        finer = {bars.symbol: replace(feed, execution_bars=bars)}
        edges = sorted({cut - cut % (5 * MINUTE_MS) for cut in cuts if cut >= coarse.ts[1]})
        assert_same_in_parts(strategies[3], [coarse], finer, asked, cuts=edges)


@given(st.integers(0, 2**32), st.floats(0.0, 0.2))
@settings(max_examples=examples(40))
def test_several_books_that_go_on_at_midnight_equal_books_that_are_not_cut(seed: int, missing: float) -> None:
    strategies, market, asked, feed = world_of(seed)
    rng, bars = np.random.default_rng(seed), market.bars
    other = replace(bars_of(seed % 9_999, 0.004, bars.step_ms), symbol="Y/USDT:USDT")
    is_known = rng.random(len(other)) >= missing
    is_known[[0, -1]] = True
    columns = ("ts", "open", "high", "low", "close", "volume")
    other = replace(other, **{name: getattr(other, name)[is_known] for name in columns})
    midnights = np.arange(bars.ts[0] // DAY_MS + 1, bars.ts[-1] // DAY_MS + 1) * DAY_MS
    cuts = sorted(rng.choice(midnights, min(3, midnights.size), replace=False).tolist())
    feeds = {bars.symbol: feed, other.symbol: replace(feed, mark=None, depth=None)}
    assert_same_in_parts(strategies[0], [bars, other], feeds, asked, cuts=cuts)
