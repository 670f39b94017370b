"""What every event strategy must keep; the orders that it asks for are what is compared."""

from collections.abc import Callable

import numpy as np

from quant_pipelines.core.bars import empty_bars
from quant_pipelines.sdk.event import EventStrategy, features_of
from quant_pipelines.sdk.trial.answers import ORDERS
from quant_pipelines.sdk.trial.bars import flat, random_walk
from quant_pipelines.sdk.trial.desk import Act, trial
from quant_pipelines.sdk.trial.rules import SEED, causality, determinism, other_futures, possible, speed

N_BARS, _SETTLED = ORDERS.n_bars, 53


def warm_up(strategy_class: type[EventStrategy]) -> str:
    """Orders do not depend on what was before ``history_bars``, but for a float's noise in their prices.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.event_contract import warm_up
    >>> class SinceThen(EventStrategy):
    ...     def on_bar(self, desk, bars):
    ...         desk.limit(0.1, bars.close[0])
    >>> warm_up(SinceThen)
    'SinceThen(): orders depend on where history begins; history_bars is 5'
    """
    strategy = strategy_class()
    history = strategy.history_bars
    bars = random_walk(history + _SETTLED + N_BARS, SEED)
    short = trial(strategy, bars.rows(_SETTLED, len(bars)), history).acts
    whole = [act._replace(bar=act.bar - _SETTLED) for act in trial(strategy, bars, history + _SETTLED).acts]
    if len(short) == len(whole) and all(map(_is_close, short, whole)):
        return ""
    return f"{strategy}: orders depend on where history begins; history_bars is {history}"


def quiet_market(strategy_class: type[EventStrategy]) -> str:
    """No orders are placed where the price never moves, unless ``orders_in_flat_market`` says so.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.event_contract import quiet_market
    >>> class Rung(EventStrategy):
    ...     def on_bar(self, desk, bars):
    ...         desk.limit(0.1, 0.99 * desk.price)
    >>> quiet_market(Rung).split(";")[0]
    'Rung(): places an order at bar 0 of a price that never moves'
    """
    strategy = strategy_class()
    features_of(strategy, empty_bars("TRIAL/USDT:USDT", "1h"))
    placed = [act for act in trial(strategy, flat(N_BARS // 3)).acts if act.kind != "cancel"]
    if strategy.orders_in_flat_market or not placed:
        return ""
    return (
        f"{strategy}: places an order at bar {placed[0].bar} of a price that never moves; "
        "expected none, or orders_in_flat_market = True"
    )


def opinions(strategy_class: type[EventStrategy]) -> str:
    """Orders are placed at some time, and every feature is known at some time.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.event_contract import opinions
    >>> class Idle(EventStrategy):
    ...     def on_bar(self, desk, bars):
    ...         pass
    >>> opinions(Idle)
    'Idle(): places no order on 2400 bars of a random walk'
    """
    strategy = strategy_class()
    walks = [random_walk(4 * N_BARS, SEED, drift=drift) for drift in (-0.001, 0.0, 0.001)]
    for name, values in features_of(strategy, walks[0]).items():
        if np.isnan(values).all():
            return f"{strategy}: feature {name} is unknown on all {4 * N_BARS} bars of a random walk"
    if any(trial(strategy, bars).acts for bars in walks):
        return ""
    return f"{strategy}: places no order on {4 * N_BARS} bars of a random walk"


EVENT_RULES: dict[str, Callable[[type[EventStrategy]], str]] = {
    "orders": possible,
    "causality": causality,
    "other_futures": other_futures,
    "warm_up": warm_up,
    "determinism": determinism,
    "quiet_market": quiet_market,
    "opinions": opinions,
    "speed": speed,
}


def _is_close(one: Act, other: Act) -> bool:
    is_same = (one.bar, one.kind, one.size) == (other.bar, other.kind, other.size)
    return is_same and abs(one.price - other.price) <= 1e-9 * abs(other.price)
