"""CompiledStrategy: an event strategy whose handlers are compiled, the same ones in every driver."""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.exits import EXIT_REASONS
from quant_pipelines.core.ids import content_hash
from quant_pipelines.core.jit import CompileFault, FirstClass, first_class
from quant_pipelines.sdk import asks
from quant_pipelines.sdk.asks import NO_EVENT, NO_REASON, OrderNews, View
from quant_pipelines.sdk.desk import Desk, OrderEvent
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.handler_text import ASKING, Names, handler_text

_SPACE: Mapping[str, Any] = {
    **{name: getattr(asks, name) for name in ASKING},
    "min": asks.smaller,
    "max": asks.larger,
    "sqrt": asks.root,
    "floor": asks.whole,
}
_KINDS: tuple[type | int, ...] = (View, OrderNews, 1, 1, 1, 2)


@dataclass(frozen=True, slots=True)
class Handlers:
    """Handlers of one file, compiled when they are first asked for.

    Parameters
    ----------
    name
        The strategy.
    text
        What is compiled; see ``handler_text``.

    Examples
    --------
    >>> from quant_pipelines.sdk import load_strategy, strategies_folder
    >>> sorted(load_strategy("grid_reversion", strategies_folder()).strategy_class.handlers.compiled)
    ['on_bar', 'on_order']
    """

    name: str
    text: str

    @property
    def compiled(self) -> dict[str, FirstClass]:
        """By name: ``on_bar`` and ``on_order``.

        Raises
        ------
        StrategyError
            If the compiler refuses the text.
        """
        key = content_hash(self.text)
        if key not in _COMPILED:
            try:
                _COMPILED[key] = first_class(self.text, key, space=_SPACE, arguments=_KINDS)
            except CompileFault as error:
                why = str(error).strip().splitlines()[-1]
                raise StrategyError(f"strategy {self.name}: its handlers can't be compiled: {why}") from error
        return _COMPILED[key]


_COMPILED: dict[str, dict[str, FirstClass]] = {}


class CompiledStrategy(EventStrategy):
    """Base of event strategies whose handlers are functions of their file: ``on_bar`` and ``on_order``.

    A backtest runs them in one compiled loop; paper and venue call the same compiled functions. What
    ``handler_text`` doesn't allow is written as an ``EventStrategy``.

    Attributes
    ----------
    row
        Names of the ``features``, which the handlers read as ``row.name``.
    memory
        Names of what the handlers remember, as numbers that begin at 0: ``memory.name``.

    Examples
    --------
    >>> from quant_pipelines.sdk import Bars, compile_strategy
    >>> from quant_pipelines.sdk.trial.desk import trial
    >>> found = compile_strategy("dip", '''
    ... from quant_pipelines.sdk import CompiledStrategy, Float
    ... from quant_pipelines.sdk.asks import limit
    ...
    ... class Dip(CompiledStrategy):
    ...     order_kinds = ("limit",)
    ...     memory = ("bars",)
    ...     price = Float(98.0, low=1.0, high=200.0)
    ...
    ... def on_bar(view, params, memory, orders):
    ...     memory.bars += 1.0
    ...     if view.position == 0.0 and view.n_orders == 0.0:
    ...         limit(orders, 1.0, params.price)
    ... ''')
    >>> desk = trial(found.strategy_class(), Bars.of_closes([100, 97, 99]))
    >>> desk.acts, desk.position, desk.memory
    ([Act(bar=0, kind='limit', size=1.0, price=98.0)], 1.0, {'bars': 3.0})
    """

    row: ClassVar[tuple[str, ...]] = ()
    memory: ClassVar[tuple[str, ...]] = ()
    handlers: ClassVar[Handlers]

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        """Call the handler, and do at the desk what it asks for."""
        _handle(self, "on_bar", desk, NO_EVENT)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        """Do as ``on_bar``."""
        _handle(self, "on_order", desk, event_of(event))


def numbers_of(strategy: CompiledStrategy) -> FloatArray:
    """Parameters as the handlers read them, in the order of declaration; a choice as its option's position.

    Examples
    --------
    >>> from quant_pipelines.sdk import Choice, CompiledStrategy, Int
    >>> from quant_pipelines.sdk.compiled import numbers_of
    >>> class Idea(CompiledStrategy):
    ...     rungs = Int(4, low=1, high=8)
    ...     spacing = Choice("ratio", options=("amount", "ratio"))
    >>> numbers_of(Idea())
    array([4., 1.])
    """
    declared, values = strategy.search_space(), strategy.parameters
    return np.array([one.number(values[name]) for name, one in declared.items()], dtype=np.float64)


def bind_handlers(name: str, tree: ast.Module, module: ModuleType, owner: type[CompiledStrategy]) -> None:
    """Give a class the handlers of its file.

    Raises
    ------
    StrategyError
        If they do more than they may; see ``handler_text``.

    Examples
    --------
    >>> import ast
    >>> from types import ModuleType
    >>> from quant_pipelines.sdk import CompiledStrategy
    >>> from quant_pipelines.sdk.compiled import bind_handlers
    >>> class Idle(CompiledStrategy):
    ...     memory = ("bars",)
    >>> text = "def on_bar(memory): memory.bars += 1.0"
    >>> bind_handlers("idle", ast.parse(text), ModuleType("idle"), Idle)
    >>> Idle.handlers.text.splitlines()[1].strip()
    'memory[0] += 1.0'
    """
    constants = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    names = Names(owner.row, tuple(owner.search_space()), owner.memory, constants, owner.order_kinds)
    try:
        text = handler_text(name, tree, names)
    except RecursionError as error:
        raise StrategyError(f"strategy {name}: a handler is too deep; expected shorter ones") from error
    owner.handlers = Handlers(name, text)


def event_of(event: OrderEvent) -> OrderNews:
    """Event as a handler sees it.

    Examples
    --------
    >>> from quant_pipelines.sdk import OrderEvent
    >>> from quant_pipelines.sdk.compiled import event_of
    >>> event_of(OrderEvent(3, "EXPIRED", 0.0, 0.0, leaves=0.5, reason="its time is over", ts=0))
    OrderNews(number=3.0, quantity=0.0, price=0.0, leaves=0.5, reason=-1.0)
    """
    is_known = event.quantity != 0.0 and event.reason in EXIT_REASONS
    reason = float(EXIT_REASONS.index(event.reason)) if is_known else NO_REASON
    return OrderNews(
        float(event.number), float(event.quantity), float(event.price), float(event.leaves), reason
    )


def _handle(strategy: CompiledStrategy, name: str, desk: Desk, event: OrderNews) -> None:
    view = View(
        float(desk.price),
        float(desk.position),
        float(desk.entry_price),
        float(desk.equity),
        float(len(desk.orders)),
    )
    features = desk.features
    row = np.array([features.get(one, math.nan) for one in strategy.row], dtype=np.float64)
    memory = np.array([float(desk.memory.get(one, 0.0)) for one in strategy.memory], dtype=np.float64)
    orders = asks.no_asks()
    strategy.handlers.compiled[name].call(view, event, row, numbers_of(strategy), memory, orders)
    desk.memory = dict(zip(strategy.memory, memory.tolist(), strict=True))
    carry_out(orders, desk)


def carry_out(orders: FloatArray, desk: Desk) -> None:
    """Do at a desk what a handler has asked for, in order.

    Raises
    ------
    StrategyError
        If it asks for what can't be, or for too much at once.

    Examples
    --------
    >>> from quant_pipelines.sdk.asks import limit, no_asks
    >>> from quant_pipelines.sdk.compiled import carry_out
    >>> from quant_pipelines.sdk.trial.desk import TrialDesk
    >>> desk, orders = TrialDesk(), no_asks()
    >>> limit(orders, 0.5, 99.0)
    >>> carry_out(orders, desk)
    >>> [(order.quantity, order.price) for order in desk.orders]
    [(0.5, 99.0)]
    """
    n_asked = int(orders[0, 0])
    if n_asked > asks.CAPACITY:
        raise StrategyError(f"it asks {n_asked} times in one call; expected at most {asks.CAPACITY}")
    for act, size, price, reduces, post_only, expires in orders[1 : n_asked + 1].tolist():
        if act == asks.LIMIT:
            flags = {"reduce_only": bool(reduces), "post_only": bool(post_only)}
            desk.limit(size, price, **flags, expires_bars=_whole("expires_bars", expires))
        elif act == asks.STOP_MARKET:
            desk.stop_market(size, price, reduce_only=bool(reduces))
        elif act == asks.MARKET:
            desk.market(size, reduce_only=bool(reduces))
        elif act == asks.CANCEL:
            desk.cancel(_whole("number", size))
        else:
            _cancel(desk, only_exits=act == asks.CANCEL_EXITS)


def _whole(name: str, value: float) -> int:
    if not math.isfinite(value):
        raise StrategyError(f"{name} is {value}; expected a finite one")
    return int(value)


def _cancel(desk: Desk, *, only_exits: bool) -> None:
    for order in desk.orders:
        if not only_exits or order.reduce_only or order.leaves * desk.position < 0.0:
            desk.cancel(order.number)
