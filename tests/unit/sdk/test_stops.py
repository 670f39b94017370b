"""Declared stops."""

import pytest

from quant_pipelines.backtest.market.stop_rules import stop_terms_of
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.sdk import Float, Int, Stops, Strategy


class Guarded(Strategy):
    """Two windows, three stops."""

    slow = Int(20, low=2, high=50)
    stops = Stops(
        hard_stop=Float(0.05, low=0.01, high=0.2),
        chandelier_stop=Float(3.0, low=1.0, high=6.0),
        time_stop=Int(300, low=1, high=900),
        atr_window=40,
    )


def test_declared_stops_are_searched_like_parameters() -> None:
    assert list(Guarded.search_space()) == ["slow", "hard_stop", "chandelier_stop", "time_stop"]
    assert Guarded(chandelier_stop=2.0).stop_values == {
        "hard_stop": 0.05,
        "chandelier_stop": 2.0,
        "time_stop": 300.0,
    }


def test_time_is_counted_in_strategy_bars() -> None:
    terms = stop_terms_of(Guarded(time_stop=7), HOUR_MS)
    assert (terms.time_ms, terms.hard, terms.chandelier, terms.atr) == (7.0 * HOUR_MS, 0.05, 3.0, 0.0)


def test_history_covers_the_windows_of_the_stops_and_not_their_patience() -> None:
    assert Guarded().history_bars == 5 * 40


@pytest.mark.parametrize("rules", [{"soft_stop": Float(1.0, low=0.0, high=2.0)}, {"time_stop": 5}])
def test_stop_that_does_not_exist_is_refused(rules: dict[str, Float]) -> None:
    with pytest.raises(StrategyError, match=r"expected one of hard_stop=Float\(\.\.\.\)"):
        Stops(**rules)
