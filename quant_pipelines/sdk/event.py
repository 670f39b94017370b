"""EventStrategy: a strategy that places orders instead of naming a target."""

import json
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.orders import RestingKind
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.sdk.desk import Desk, OrderEvent
from quant_pipelines.sdk.strategy import Strategy

_LARGE = 1e300
"""Beyond it, what a number comes back as is left to JSON."""


class EventStrategy(Strategy):
    """Base of strategies that act on bars and on what happens to their orders.

    Parameters and stops are declared as in every strategy, and an instance is as frozen: what it must
    remember stands in ``desk.memory``.

    Attributes
    ----------
    orders_in_flat_market
        Whether it places orders where the price never moves; the contract asks.
    order_kinds
        Kinds of orders that it places, any by default; a desk refuses others. At a venue it trades only
        with ``market`` and ``limit``.

    Examples
    --------
    >>> from quant_pipelines.sdk import Bars, EventStrategy
    >>> from quant_pipelines.sdk.trial.desk import trial
    >>> class Dip(EventStrategy):
    ...     def on_bar(self, desk, bars):
    ...         if desk.position == 0.0 and not desk.orders:
    ...             desk.limit(1.0, 98.0)
    ...     def on_order(self, desk, event):
    ...         if desk.position > 0.0:
    ...             desk.limit(1.0, 100.0, reduce_only=True)
    >>> desk = trial(Dip(), Bars.of_closes([100, 97, 99]))
    >>> desk.acts
    [Act(bar=0, kind='limit', size=1.0, price=98.0), Act(bar=1, kind='limit', size=1.0, price=100.0)]
    >>> desk.position, desk.entry_price
    (1.0, 98.0)
    """

    orders_in_flat_market: ClassVar[bool] = False
    order_kinds: ClassVar[tuple[RestingKind, ...]] = ("market", "limit", "stop_market")

    def features(self, bars: Bars) -> dict[str, FloatArray]:
        """Arrays that ``desk.features`` shows the newest value of, computed for all bars at once.

        Each has shape (n_bars,); ``values[i]`` uses bars ``[: i + 1]``, to the bit.
        """
        return {}

    def on_start(self, desk: Desk) -> None:
        """Act once, at the close of the first bar, before ``on_bar``."""

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        """Act at the close of a strategy bar; ``bars`` are all that have closed, oldest first, no copy."""
        raise NotImplementedError

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        """Act at the close of an execution bar in which something happened to an order; before ``on_bar``."""

    def target(self, bars: Bars) -> FloatArray:
        """Refuse: it has none."""
        raise StrategyError(f"{type(self).__name__} is an event strategy: it places orders and has no target")


def features_of(strategy: EventStrategy, bars: Bars) -> dict[str, FloatArray]:
    """Features of a strategy, proven usable.

    Raises
    ------
    StrategyError
        If it raises or an array has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.sdk import Bars, EventStrategy
    >>> from quant_pipelines.sdk.event import features_of
    >>> class Peak(EventStrategy):
    ...     def features(self, bars):
    ...         return {"peak": np.maximum.accumulate(bars.high)}
    >>> features_of(Peak(), Bars.of_closes([100, 103, 101]))
    {'peak': array([100., 103., 103.])}
    """
    name = type(strategy).__name__
    try:
        features = {
            key: np.asarray(values, dtype=np.float64) for key, values in strategy.features(bars).items()
        }
    except Exception as error:
        raise StrategyError(f"{name}: features raised {type(error).__name__}: {error}") from error
    for key, values in features.items():
        if values.shape != (len(bars),):
            raise StrategyError(f"{name}: feature {key} has shape {values.shape}; expected ({len(bars)},)")
    return features


def told(strategy: EventStrategy, desk: Desk, act: Callable[[], None], at_ms: int) -> None:
    """Let a strategy act at a close; the next call finds its memory as a restart would read it.

    Raises
    ------
    StrategyError
        If it raises, or leaves a memory that is no document; the sentence names the strategy and the bar.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.event import told
    >>> from quant_pipelines.sdk.trial.desk import TrialDesk
    >>> class Dip(EventStrategy):
    ...     pass
    >>> told(Dip(), TrialDesk(), lambda: {}["mean"], at_ms=0)
    Traceback (most recent call last):
        ...
    quant_pipelines.core.errors.StrategyError: Dip at the close of 1970-01-01 00:00 raised KeyError: 'mean'
    """
    try:
        act()
    except Exception as error:
        raise StrategyError(f"{_at(strategy, at_ms)} raised {type(error).__name__}: {error}") from error
    desk.memory = remembered(strategy, desk.memory, at_ms)


def remembered(strategy: EventStrategy, memory: Any, at_ms: int) -> dict[str, Any]:
    """Memory as a restart would read it.

    Raises
    ------
    StrategyError
        If it is not a JSON document; the sentence names the strategy and the bar.

    Examples
    --------
    >>> from quant_pipelines.sdk import EventStrategy
    >>> from quant_pipelines.sdk.event import remembered
    >>> remembered(EventStrategy(), {"rungs": (1, 2)}, at_ms=0)  # a tuple comes back as a list
    {'rungs': [1, 2]}
    """
    if _is_plain(memory):
        return dict(memory)
    try:
        document = json.loads(json.dumps(memory, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise StrategyError(
            f"{_at(strategy, at_ms)} left a memory that is no JSON document: {error}"
        ) from error
    if not isinstance(document, dict):
        raise StrategyError(f"{_at(strategy, at_ms)} left {type(memory).__name__} as memory; expected a dict")
    return document


def _is_plain(memory: Any) -> bool:
    """Whether a document would come back as it is: short names of flags, numbers and short texts."""
    return type(memory) is dict and all(
        type(name) is str and name.isascii() and _is_plain_value(value) for name, value in memory.items()
    )


def _is_plain_value(value: Any) -> bool:
    kind = type(value)
    if kind is float or kind is int:
        return bool(abs(value) < _LARGE)
    return kind is bool or value is None or (kind is str and value.isascii())


def _at(strategy: EventStrategy, at_ms: int) -> str:
    return f"{type(strategy).__name__} at the close of {from_ms(at_ms):%Y-%m-%d %H:%M}"
