"""What a strategy answers to bars, as the contract compares it: decisions of a target, or orders."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.panel import Panel
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy, target_of
from quant_pipelines.sdk.trial.desk import Act, trial

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Answers(Generic[Given]):
    """How one kind of strategy is asked, and how its answers are compared.

    Parameters
    ----------
    noun
        What one answer is called.
    n_bars, n_cuts
        Bars of a trial, and how many futures are cut off.
    ask
        Answers of a strategy to bars.
    until
        Those to the bars before one.
    first_difference
        Bar of the first answer that differs to the bit; None if there is none.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.answers import DECISIONS, ORDERS
    >>> DECISIONS.noun, ORDERS.noun
    ('decision', 'order')
    """

    noun: str
    n_bars: int
    n_cuts: int
    ask: Callable[[Any, Any], Given]
    until: Callable[[Given, int], Given]
    first_difference: Callable[[Given, Given], int | None]


def answers_of(strategy_class: type[Strategy]) -> Answers[Any]:
    """Answers of its kind.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.trial.answers import answers_of
    >>> answers_of(EventStrategy).noun
    'order'
    """
    return ORDERS if issubclass(strategy_class, EventStrategy) else DECISIONS


def decisions_of(strategy: Strategy, bars: Bars | Panel) -> FloatArray:
    """Target of a strategy, a row for each symbol, and below it the factors on its stops; bars in columns.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Bars, Float, Stops, Strategy
    >>> from quant_pipelines.sdk.trial.answers import decisions_of
    >>> class Wide(Strategy):
    ...     stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))
    ...     def target(self, bars):
    ...         return np.ones(len(bars))
    ...     def stop_scales(self, bars):
    ...         return {"hard_stop": np.full(len(bars), 2.0)}
    >>> decisions_of(Wide(), Bars.of_closes([100, 101, 102]))
    array([[1., 1., 1.],
           [2., 2., 2.]])
    """
    target, scales = np.atleast_2d(target_of(strategy, bars).T), scales_of(strategy, bars)
    return np.vstack([target, *(scales[name].T for name in sorted(scales))])


def _first_other_decision(one: FloatArray, other: FloatArray) -> int | None:
    if one.shape != other.shape:  # a stop is scaled on some bars only
        return 0
    differs = (~((one == other) | (np.isnan(one) & np.isnan(other)))).any(axis=0)
    return int(np.argmax(differs)) if differs.any() else None


def _first_other_order(one: list[Act], other: list[Act]) -> int | None:
    for act, expected in zip(one, other, strict=False):
        if act != expected:
            return min(act.bar, expected.bar)
    shorter, longer = sorted((one, other), key=len)
    return longer[len(shorter)].bar if len(longer) > len(shorter) else None


DECISIONS = Answers(
    "decision",
    n_bars=1_200,
    n_cuts=40,
    ask=decisions_of,
    until=lambda decisions, bar: decisions[:, :bar],
    first_difference=_first_other_decision,
)
ORDERS = Answers(
    "order",
    n_bars=600,
    n_cuts=12,
    ask=lambda strategy, bars: trial(strategy, bars).acts,
    until=lambda acts, bar: [act for act in acts if act.bar < bar],
    first_difference=_first_other_order,
)
