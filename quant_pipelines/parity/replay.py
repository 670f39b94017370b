"""The day again: a book goes on from the state that it began the day with, over the bars that are given.

It decides by ``trading.cycle`` and books by the step that every driver shares; nothing here sizes or fills.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from quant_pipelines.backtest import Book, BookedFill, BookSettings, ExecutionBar, FundingPayment
from quant_pipelines.backtest.bar.stops import EXIT_REASONS, LIQUIDATION, TARGET
from quant_pipelines.backtest.book.desk import Close
from quant_pipelines.backtest.book.event_run import Acted, EventRun
from quant_pipelines.backtest.book.values import BookEvent
from quant_pipelines.backtest.market.readings import NOTHING_YET, Reading
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import floor_ms
from quant_pipelines.parity.journal import BookOpening, DayFill, DayPayment, TradeKind, exact
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.trading.capital import without
from quant_pipelines.trading.cycle import decide_order
from quant_pipelines.trading.rules import TradingTerms

_STOPS = frozenset(EXIT_REASONS) - {"target", "end", "liquidation", "bankruptcy", "limit_order", "stop_order"}
_BY_VENUE = frozenset({EXIT_REASONS[LIQUIDATION], "bankruptcy", "adl", "settlement", "insurance"})
_BY_PERSON = frozenset({"close", "kill"})


class InForce(NamedTuple):
    """Rules at a close as compiled code takes them, whether it was to be flat, and what was to leave it.

    Parameters
    ----------
    terms
        The rules.
    is_leaving
        Whether it was to be flat in any case.
    withheld
        Equity that was not sized on, quote.
    """

    terms: TradingTerms
    is_leaving: bool = False
    withheld: float = 0.0


class ReadAhead(NamedTuple):
    """What the strategy says at its closes.

    Parameters
    ----------
    row_of
        Positions of its bars by their closes, milliseconds UTC.
    targets
        At each of them; of an event strategy none.
    read
        Volatility, features and inputs of the stops at each of them.
    bars
        Its bars, as an event strategy is given them.
    """

    row_of: Mapping[int, int]
    targets: Sequence[float]
    read: Reading
    bars: Bars


class ReplayPlan(NamedTuple):
    """What is replayed.

    Parameters
    ----------
    strategy
        Of the text and with the parameters that were deployed.
    settings
        Capital, rules, stops and specifications of its book.
    step_ms, execution_step_ms
        Length of the strategy's and of the execution bars.
    in_force
        Rules as of a close, milliseconds UTC.
    """

    strategy: Strategy
    settings: BookSettings
    step_ms: int
    execution_step_ms: int
    in_force: Callable[[int], InForce]


class Made(NamedTuple):
    """A decision of the replay: close, order (base, signed), equity, what an event strategy did."""

    close_ms: int
    order_quantity: float
    equity: float
    acted: Acted | None = None


class ReplayedDay(NamedTuple):
    """What the replay did.

    Parameters
    ----------
    trades, payments
        As in the journal.
    equity
        At the close of each bar, quote.
    made
        Every decision.
    """

    trades: tuple[DayFill, ...]
    payments: tuple[DayPayment, ...]
    equity: tuple[float, ...]
    made: tuple[Made, ...]


class _Seat(Protocol):
    """Who decides for a book."""

    def note(self, events: Iterable[BookEvent]) -> None: ...

    def decide(self, close_ms: int) -> Made | None: ...


def replay(
    plan: ReplayPlan,
    opening: BookOpening | None,
    bars: Sequence[ExecutionBar],
    readings: ReadAhead,
    *,
    transfers: Mapping[int, float],
) -> ReplayedDay:
    """Book the bars and decide at their closes.

    Parameters
    ----------
    plan
        What is replayed.
    opening
        State before the first of the bars; None begins flat.
    bars
        Execution bars, oldest first.
    readings
        What the strategy says at its closes.
    transfers
        Cash that was paid in at a close, by its time; negative when it was taken out. Quote.

    Raises
    ------
    StrategyError
        If an event strategy fails.
    """
    book = Book(plan.settings) if opening is None else _opened(plan, opening)
    seat = _seat(plan, book, readings, opening)
    made = [] if opening is None or not bars else [seat.decide(opening.close_ms)]
    decided_ms = next((one.close_ms for one in made if one and one.order_quantity), 0)
    trades, payments, equity = list[DayFill](), list[DayPayment](), list[float]()
    for bar in bars:
        if events := book.step(bar):  # of most bars there are none
            seat.note(events)
            trades += [_trade(one, decided_ms) for one in events if isinstance(one, BookedFill)]
            payments += [_payment(one) for one in events if isinstance(one, FundingPayment)]
        equity.append(book.equity)
        close_ms = bar.ts + plan.execution_step_ms
        decided = seat.decide(close_ms)
        if close_ms in transfers:  # as the runner pays: once it has decided
            book.transfer(transfers[close_ms])
        made.append(decided)
        if decided is not None and decided.order_quantity != 0.0:
            decided_ms = close_ms
    return ReplayedDay(tuple(trades), tuple(payments), tuple(equity), tuple(one for one in made if one))


def kind_of(reason: str, number: int = 0) -> TradeKind:
    """Return what made a fill, by the reason that it carries.

    Examples
    --------
    >>> from quant_pipelines.parity.replay import kind_of
    >>> kind_of("target"), kind_of("disaster_stop"), kind_of("adl"), kind_of("limit_order", 7)
    ('target', 'stop', 'liquidation', 'order')
    """
    if number:
        return "order"
    if reason in _BY_VENUE:
        return "liquidation"
    if reason in _STOPS or reason == "disaster_stop":
        return "stop"
    if reason in _BY_PERSON:
        return "manual"
    return "flatten" if reason == "flatten" else "target"


class _TargetSeat:
    """A strategy with a target: it decides at its own closes, and at the first one of a new book."""

    def __init__(self, plan: ReplayPlan, book: Book, readings: ReadAhead, decided_ms: int) -> None:
        self._plan, self._book, self._readings = plan, book, readings
        self._decided_ms = floor_ms(decided_ms, plan.step_ms)

    def note(self, events: Iterable[BookEvent]) -> None:
        """Keep nothing: a target follows from bars alone."""

    def decide(self, close_ms: int) -> Made | None:
        at_ms, in_force = floor_ms(close_ms, self._plan.step_ms), self._plan.in_force(close_ms)
        row = self._readings.row_of.get(at_ms)
        if row is None or (at_ms <= self._decided_ms and not in_force.is_leaving):
            return None
        self._decided_ms = at_ms
        latest = self._readings.read(row)
        view = without(self._book.view(volatility=latest.volatility), in_force.withheld)
        target = 0.0 if in_force.is_leaving else self._readings.targets[row]
        decision = decide_order(view, target, in_force.terms)
        self._book.submit(decision.order_quantity, target_side=decision.target_side, inputs=latest.inputs)
        return Made(close_ms, float(decision.order_quantity), self._book.equity)


class _EventSeat:
    """A strategy that places orders: it is asked where its bars close, or something happened to an order."""

    def __init__(self, plan: ReplayPlan, book: Book, readings: ReadAhead, run: EventRun) -> None:
        self._plan, self._book, self._readings, self._run = plan, book, readings, run
        self._latest = NOTHING_YET

    def note(self, events: Iterable[BookEvent]) -> None:
        """Tell the strategy what a bar did at the next close."""
        self._run.note(events)

    def decide(self, close_ms: int) -> Made | None:
        at_ms, in_force = floor_ms(close_ms, self._plan.step_ms), self._plan.in_force(close_ms)
        row = self._readings.row_of.get(at_ms)
        is_bar = row is not None and at_ms > floor_ms(self._run.asked_ms, self._plan.step_ms)
        if row is None or not (is_bar or self._run.has_news or in_force.is_leaving):
            return None
        latest = self._readings.read(row)
        if in_force.is_leaving:
            self._run.leave(only_opening=False)
            decision = decide_order(self._book.view(), 0.0, in_force.terms)
            self._book.submit(decision.order_quantity)
            return Made(close_ms, float(decision.order_quantity), self._book.equity)
        if is_bar:
            self._book.submit(0.0, inputs=latest.inputs)
        close = Close(close_ms, latest.features, latest.volatility)
        bars = self._readings.bars.rows(0, row + 1) if is_bar else None
        acted = self._run.act(in_force.terms, close, bars)
        return Made(close_ms, 0.0, self._book.equity, acted)


def _seat(plan: ReplayPlan, book: Book, readings: ReadAhead, opening: BookOpening | None) -> _Seat:
    if isinstance(plan.strategy, EventStrategy):
        desk = opening.state.get("desk") if opening else None
        return _EventSeat(plan, book, readings, EventRun(plan.strategy, book, plan.step_ms, desk))
    return _TargetSeat(plan, book, readings, opening.decided_ms if opening else 0)


def _opened(plan: ReplayPlan, opening: BookOpening) -> Book:
    return Book.from_document(plan.settings, dict(opening.state))


def _trade(fill: BookedFill, decided_ms: int) -> DayFill:
    kind = kind_of(fill.reason, fill.order)
    return DayFill(
        fill.ts,
        kind,
        decided_ms if fill.reason == EXIT_REASONS[TARGET] else 0,
        exact(fill.quantity),
        exact(fill.price),
        exact(fill.fee),
        number=fill.order,
    )


def _payment(paid: FundingPayment) -> DayPayment:
    return DayPayment(paid.ts, "funding", exact(paid.amount))
