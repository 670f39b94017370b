"""An event strategy at a copy of its desk: it acts there while nobody holds its book."""

from typing import NamedTuple

from quant_pipelines.backtest.book.desk import Close
from quant_pipelines.backtest.book.event_run import Acted, EventRun
from quant_pipelines.backtest.market.readings import Latest, latest_of
from quant_pipelines.core.bars import Bars
from quant_pipelines.risk import denial_by
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.trading import TradingRules


class Sitting(NamedTuple):
    """A copy of a desk as it is once the bars of a close are booked.

    Parameters
    ----------
    run
        The strategy at the copy, which nobody else has.
    rules
        In force when it is asked.
    is_bar
        Whether a strategy bar closed; else something only happened to its orders.
    data_age_seconds
        By the wall clock.
    """

    run: EventRun
    rules: TradingRules
    is_bar: bool
    data_age_seconds: float


class Sat(NamedTuple):
    """What a strategy read and did at a copy of its desk."""

    sitting: Sitting
    latest: Latest
    acted: Acted


def sit(strategy: Strategy, sitting: Sitting, close_ms: int, bars: Bars) -> Sat | None:
    """Let a strategy act at a close, milliseconds UTC; None where the data is too old for that.

    Raises
    ------
    StrategyError
        If it fails.
    """
    rules, age_seconds = sitting.rules, sitting.data_age_seconds
    if denial_by("stale_data", age_seconds, rules.limits):
        return None
    latest = latest_of(strategy, bars, rules)
    close = Close(close_ms, latest.features, latest.volatility, age_seconds)
    acted = sitting.run.act(rules.terms, close, bars if sitting.is_bar else None)
    return Sat(sitting, latest, acted)
