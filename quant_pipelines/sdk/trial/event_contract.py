"""What every event strategy must keep; the orders that it asks for are what is compared."""

from collections.abc import Callable

import numpy as np

from quant_pipelines.core.bars import concatenate_bars, empty_bars
from quant_pipelines.sdk.event import EventStrategy, features_of
from quant_pipelines.sdk.trial.bars import flat, random_walk, shocks
from quant_pipelines.sdk.trial.corners import corners
from quant_pipelines.sdk.trial.desk import Act, trial
from quant_pipelines.sdk.trial.pace import pace_fault

_BARS, _CUTS, _SEED, _SETTLED = 600, 12, 7, 53


def orders(strategy_class: type[EventStrategy]) -> str:
    """Every order can be, on any bars; the strategy leaves the bars alone.

    Examples
    --------
    >>> from quant_pipelines.core.errors import StrategyError
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.event_contract import orders
    >>> class Lever(EventStrategy):
    ...     def on_bar(self, desk, bars):
    ...         desk.market(3.0)
    >>> try:
    ...     orders(Lever)
    ... except StrategyError as error:
    ...     print(str(error).partition(" raised ")[2])
    StrategyError: size is 3.0; expected -1 to 1
    """
    for strategy in corners(strategy_class):
        for bars in (random_walk(_BARS, _SEED), shocks(_BARS, _SEED), flat(_BARS // 3)):
            before = bars.close.copy()
            trial(strategy, bars)
            if not np.array_equal(bars.close, before):
                return f"{strategy}: changes the bars that it is given"
    return ""


def causality(strategy_class: type[EventStrategy]) -> str:
    """Orders up to a bar are the same when the future is cut off after it.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.event_contract import causality
    >>> class Centered(EventStrategy):
    ...     def features(self, bars):
    ...         return {"mean": 0.0 * bars.close + bars.close.mean()}  # of bars that are still to come
    ...     def on_bar(self, desk, bars):
    ...         desk.limit(0.1, desk.features["mean"])
    >>> causality(Centered).split(" changes")[0]
    'Centered(): the order at bar 0'
    """
    cuts = [1, 2, 3, *np.random.default_rng(_SEED).integers(4, _BARS, _CUTS).tolist()]
    for strategy in corners(strategy_class):
        for bars in (random_walk(_BARS, _SEED), shocks(_BARS, _SEED)):
            whole = trial(strategy, bars).acts
            for cut in (cut for cut in cuts if cut < len(bars)):
                at = _first_difference(trial(strategy, bars.rows(0, cut)).acts, _until(whole, cut))
                if at is not None:
                    return f"{strategy}: the order at bar {at} changes when bars after {cut - 1} are cut off"
    return ""


def other_futures(strategy_class: type[EventStrategy]) -> str:
    """Orders up to a bar are the same whatever happens after it.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.event_contract import other_futures
    >>> class Centered(EventStrategy):
    ...     def features(self, bars):
    ...         return {"mean": 0.0 * bars.close + bars.close.mean()}
    ...     def on_bar(self, desk, bars):
    ...         desk.limit(0.1, desk.features["mean"])
    >>> other_futures(Centered).split(" depends")[0]
    'Centered(): the order at bar 0'
    """
    strategy, bars, other = strategy_class(), random_walk(_BARS, _SEED), random_walk(_BARS, _SEED + 1)
    cut = _BARS // 2
    changed = trial(strategy, concatenate_bars(bars.rows(0, cut), other.rows(cut, _BARS))).acts
    at = _first_difference(_until(changed, cut), _until(trial(strategy, bars).acts, cut))
    return "" if at is None else f"{strategy}: the order at bar {at} depends on bars after {cut - 1}"


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
    bars = random_walk(history + _SETTLED + _BARS, _SEED)
    short = trial(strategy, bars.rows(_SETTLED, len(bars)), history).acts
    whole = [act._replace(bar=act.bar - _SETTLED) for act in trial(strategy, bars, history + _SETTLED).acts]
    if len(short) == len(whole) and all(map(_is_close, short, whole)):
        return ""
    return f"{strategy}: orders depend on where history begins; history_bars is {history}"


def determinism(strategy_class: type[EventStrategy]) -> str:
    """Orders are the same for the same bars: nothing is remembered but what the desk holds.

    Examples
    --------
    >>> from itertools import count
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.event_contract import determinism
    >>> class Counting(EventStrategy):
    ...     numbers = count(1)  # a memory that the desk doesn't hold
    ...     def on_bar(self, desk, bars):
    ...         desk.limit(0.1, float(next(self.numbers)))
    >>> determinism(Counting)
    'Counting(): the order at bar 0 differs from one run to the next'
    """
    strategy, bars = strategy_class(), random_walk(_BARS, _SEED)
    first = trial(strategy, bars).acts
    for other in (strategy, strategy_class()):
        at = _first_difference(trial(other, bars).acts, first)
        if at is not None:
            return f"{strategy}: the order at bar {at} differs from one run to the next"
    return ""


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
    placed = [act for act in trial(strategy, flat(_BARS // 3)).acts if act.kind != "cancel"]
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
    walks = [random_walk(4 * _BARS, _SEED, drift=drift) for drift in (-0.001, 0.0, 0.001)]
    for name, values in features_of(strategy, walks[0]).items():
        if np.isnan(values).all():
            return f"{strategy}: feature {name} is unknown on all {4 * _BARS} bars of a random walk"
    if any(trial(strategy, bars).acts for bars in walks):
        return ""
    return f"{strategy}: places no order on {4 * _BARS} bars of a random walk"


def speed(strategy_class: type[EventStrategy]) -> str:
    """Take at most half a millisecond a bar, compilation left out.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.event_contract import speed
    >>> class Idle(EventStrategy):
    ...     def on_bar(self, desk, bars):
    ...         pass
    >>> speed(Idle)  # no fault
    ''
    """
    strategy, bars = strategy_class(), random_walk(_BARS, _SEED)
    return pace_fault(strategy, lambda: trial(strategy, bars), _BARS)


EVENT_RULES: dict[str, Callable[[type[EventStrategy]], str]] = {
    "orders": orders,
    "causality": causality,
    "other_futures": other_futures,
    "warm_up": warm_up,
    "determinism": determinism,
    "quiet_market": quiet_market,
    "opinions": opinions,
    "speed": speed,
}


def _until(acts: list[Act], bar: int) -> list[Act]:
    return [act for act in acts if act.bar < bar]


def _first_difference(one: list[Act], other: list[Act]) -> int | None:
    """Bar of the first difference to the bit; None if there is none."""
    for act, expected in zip(one, other, strict=False):
        if act != expected:
            return min(act.bar, expected.bar)
    shorter, longer = sorted((one, other), key=len)
    return longer[len(shorter)].bar if len(longer) > len(shorter) else None


def _is_close(one: Act, other: Act) -> bool:
    is_same = (one.bar, one.kind, one.size) == (other.bar, other.kind, other.size)
    return is_same and abs(one.price - other.price) <= 1e-9 * abs(other.price)
