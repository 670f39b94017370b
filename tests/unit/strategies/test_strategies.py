"""Every shipped strategy: causal at many cut points, deterministic, in range; and what each one does."""

from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.indicators import bollinger, ema
from quant_pipelines.sdk import Strategy, StrategySource, list_strategies, load_strategy
from quant_pipelines.sdk.strategy import target_of

FOLDER = Path(__file__).resolve().parents[3] / "strategies"
NAMES = [found.name for found in list_strategies(FOLDER)]


def random_bars(n: int = 1_500, seed: int = 4) -> Bars:
    rng = np.random.default_rng(seed)
    close = np.exp(np.cumsum(rng.normal(0.0, 0.01, n), dtype=np.float64)) * np.float64(100.0)
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close) * 1.002, np.minimum(open_, close) * 0.998
    ts = HOUR_MS * np.arange(n, dtype=np.int64)
    return Bars("X/USDT:USDT", "1h", ts, open_, high, low, close, 1.0 + rng.pareto(2.0, n))


def corners(name: str) -> list[Strategy]:
    """Defaults, and every parameter at either bound where that is allowed."""
    strategy_class = load_strategy(name, FOLDER).strategy_class
    candidates: list[dict[str, object]] = [{}]
    for parameter, declared in strategy_class.search_space().items():
        candidates += [{parameter: declared.low}, {parameter: declared.high}]
    return [strategy_class(**values) for values in candidates if strategy_class.is_allowed(values)]


def test_all_shipped_strategies_load() -> None:
    assert {"ema_cross", "bollinger_reversion"} <= set(NAMES)
    assert all(isinstance(found, StrategySource) for found in list_strategies(FOLDER))


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_says_what_it_believes_where_it_works_and_how_it_fails(name: str) -> None:
    document = str(load_strategy(name, FOLDER).strategy_class.__doc__)
    assert all(f"{word}:" in document for word in ("Hypothesis", "Regime", "Failure"))


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_takes_both_sides_of_a_random_walk(name: str) -> None:
    assert {-1.0, 1.0} <= set(target_of(load_strategy(name, FOLDER).strategy_class(), random_bars()).tolist())


@pytest.mark.parametrize("name", NAMES)
def test_truncating_the_future_changes_no_decision(name: str) -> None:
    bars = random_bars()
    cuts = [1, 2, 3, *np.random.default_rng(6).integers(4, len(bars), 60).tolist()]
    for strategy in corners(name):
        whole = target_of(strategy, bars)
        for cut in cuts:
            assert target_of(strategy, bars.rows(0, cut)).tobytes() == whole[:cut].tobytes(), (strategy, cut)


@pytest.mark.parametrize("name", NAMES)
def test_other_futures_change_no_decision(name: str) -> None:
    bars, other = random_bars(), random_bars(seed=5)
    cut = 700
    mixed = {
        column: np.concatenate([getattr(bars, column)[:cut], getattr(other, column)[cut:]])
        for column in ("open", "high", "low", "close", "volume")
    }
    strategy = corners(name)[0]
    changed = Bars(bars.symbol, bars.timeframe, bars.ts, **mixed)
    assert target_of(strategy, changed)[:cut].tobytes() == target_of(strategy, bars)[:cut].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_decisions_forget_where_history_began(name: str) -> None:
    bars = random_bars(6_000)
    strategy = corners(name)[0]
    late = target_of(strategy, bars.rows(3_000, 6_000))[strategy.history_bars :]
    np.testing.assert_array_equal(
        late[500:], target_of(strategy, bars)[3_000 + strategy.history_bars :][500:]
    )


@pytest.mark.parametrize("name", NAMES)
def test_target_of_no_bars_and_of_a_constant_price_is_quiet(name: str) -> None:
    strategy = corners(name)[0]
    assert target_of(strategy, empty_bars("X/USDT:USDT", "1h")).size == 0
    flat = np.full(400, 100.0)
    ts = HOUR_MS * np.arange(400, dtype=np.int64)
    target = target_of(strategy, Bars("X/USDT:USDT", "1h", ts, flat, flat, flat, flat, flat))
    assert not np.nan_to_num(target).any()


def test_ema_cross_follows_the_averages_after_the_first_cross() -> None:
    bars = random_bars()
    strategy = load_strategy("ema_cross", FOLDER).strategy_class(fast=20, slow=50)
    target = target_of(strategy, bars)
    first = int(np.argmax(~np.isnan(target)))
    above = ema(bars.close, 20) > ema(bars.close, 50)
    assert first >= 50
    assert above[first] != above[first - 1]
    np.testing.assert_array_equal(target[first:], np.where(above[first:], 1.0, -1.0))


def test_bollinger_reversion_enters_outside_and_leaves_at_the_middle() -> None:
    bars = random_bars()
    strategy = load_strategy("bollinger_reversion", FOLDER).strategy_class(window=20, width=1.5)
    bands, target = bollinger(bars.close, 20, 1.5), target_of(strategy, bars)
    position = np.nan
    for i in range(20, len(bars)):
        crossed = (bars.close[i] > bands.middle[i]) != (bars.close[i - 1] > bands.middle[i - 1])
        if bars.close[i] < bands.lower[i]:
            position = 1.0
        elif bars.close[i] > bands.upper[i]:
            position = -1.0
        elif crossed:
            position = 0.0
        np.testing.assert_equal(target[i], position)
    assert {-1.0, 0.0, 1.0} <= set(target[20:].tolist())
