"""An instrument set: its legs take each close together.

One question to the strategy for all bars of a close, one transaction for what all legs do. A leg without its
bar is not decided on at that close, and the strategy sees NaN in its place, as in a backtest.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import reduce
from operator import add
from typing import NamedTuple

from live_runner.book.approval import trip_of
from live_runner.book.asking import Answer, DueQuestion, StrategyQuestion, answered
from live_runner.book.bookings import Driven, driven_by, together
from live_runner.book.broker import Broker
from live_runner.book.capital import paid
from live_runner.book.decision import Decided
from live_runner.book.leg import LegTrader, Prepared
from live_runner.book.tick import Tick
from live_runner.book.waits import BarMissed
from quant_pipelines.accounting.margin import Backing
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.backtest.account.row import Behind, left_by, maintained_at, step_row
from quant_pipelines.backtest.book.values import Part
from quant_pipelines.core.panel import panel_of
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.risk.account_rules import ACCOUNT_RULES, AccountDenial
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.strategy import Strategy, target_of
from quant_pipelines.store.journal import Journal
from quant_pipelines.trading.legs import LegState

_ROWS_PER_TRANSACTION = 250

_OF_ACCOUNT = frozenset(rule.name for rule in ACCOUNT_RULES)
Answers = Mapping[int, Answer]
"""What the strategy has answered, by leg."""


class InstrumentSet:
    """Legs of one set, in their order.

    Parameters
    ----------
    journal
        Rows of the runner.
    epoch
        Epoch of the writer.
    n_legs
        How many it has.

    Attributes
    ----------
    legs
        Those that have their bars.
    """

    def __init__(self, journal: Journal, epoch: int, n_legs: int) -> None:
        self._journal = journal
        self._epoch = epoch
        self._n_legs = n_legs
        self.legs: tuple[LegTrader, ...] = ()

    def add(self, leg: LegTrader) -> None:
        """Let a leg take part, which has its bars by now."""
        self.legs = tuple(sorted((*self.legs, leg), key=lambda one: one.id))

    def remove(self, leg: LegTrader) -> None:
        """Let a leg take part no more."""
        self.legs = tuple(one for one in self.legs if one is not leg)

    def part_of(self, leg: LegTrader) -> Part:
        """Return what a leg is sized on: its share of the set's value, and of the day's baseline; quote."""
        share = 1.0 / self._n_legs
        worths = [one.worth() for one in self.legs]
        value = max(0.0, reduce(add, (worth.equity for worth in worths), 0.0))
        return Part(share * value, share * reduce(add, (worth.day_start_equity for worth in worths), 0.0))

    def others_of(self, leg: LegTrader) -> tuple[LegState, ...]:
        """Return the other legs, as they stand by themselves."""
        return tuple(one.own_state for one in self.legs if one is not leg)

    def hindrance_of(self, leg: LegTrader) -> str:
        """Why the strategy's decision waits for another leg, as one clause; empty if it does not."""
        n_traded = self._n_traded
        is_whole = n_traded == self._n_legs
        return "" if is_whole else f"{n_traded} of the {self._n_legs} legs of its set are traded"

    @property
    def _n_traded(self) -> int:
        return sum(not leg.has_left for leg in self.legs)

    @property
    def _waits(self) -> bool:
        """Whether no bar is booked before all legs are there: one alone has not the margin of all behind it.

        What is to be closed waits for none of them.
        """
        if self._n_traded == self._n_legs or any(leg.is_leaving or leg.must_flatten for leg in self.legs):
            return False
        return any(leg.shares_margin for leg in self.legs)

    def advance(self, ticks: Mapping[int, Tick]) -> None:
        """Book the bars of all legs, and decide on the newest ones if they are fresh.

        Legs whose margin is shared book nothing while one of them is missing: later, and row by row.

        Raises
        ------
        StoreError, ReconciliationError, StrategyError
            As a trader's.
        """
        if self._waits:
            return
        with ExitStack() as turns:
            legs = [leg for leg in self.legs if turns.enter_context(leg.thinking())]
            step = _Step(self._journal, self._epoch, legs, ticks)
            answered(step.take, step.first_question(), step.ask)

    def decide_late(self, now_ms: int, data_age_seconds: float) -> None:
        """Wait for the next close: a decision of several legs is not taken after it."""


class _Row(NamedTuple):
    """A leg's book in a row; what its bars did is added to ``done``."""

    leg: LegTrader
    broker: Broker
    done: list[Driven]

    @property
    def equity_left(self) -> float:
        return self.broker.equity

    def worst(self, bar: ExecutionBar | None, ts: int) -> float:
        book = self.broker.paper_book
        return 0.0 if book is None else left_by(book, bar and book.seen(bar), ts)

    def maintained(self, bar: ExecutionBar | None, ts: int) -> float:
        book = self.broker.paper_book
        return 0.0 if book is None else maintained_at(book, bar and book.seen(bar), ts)

    def step(self, bar: ExecutionBar, backing: Backing) -> bool:
        was_liquidated = self.broker.is_gone
        self.done.append(driven_by(self.broker, self.leg.plan, bar, backing))
        return self.broker.is_gone and not was_liquidated

    def liquidate_orders(self) -> None:
        pass


class _Step:
    """One step of all legs: their bars, the question that they make, and what is stored."""

    def __init__(
        self, journal: Journal, epoch: int, legs: Sequence[LegTrader], ticks: Mapping[int, Tick]
    ) -> None:
        self._journal = journal
        self._epoch = epoch
        self._legs = legs
        self._ticks = {leg.id: ticks[leg.id] for leg in legs if leg.id in ticks}

    def first_question(self) -> DueQuestion | None:
        """Let every leg take over its news; what is due at the newest close, if anything is."""
        due = [leg.first_question(self._ticks[leg.id]) for leg in self._legs if leg.id in self._ticks]
        questions = [question for question in due if question is not None]
        return max(questions, key=lambda question: question.close_ms, default=None)

    def ask(self, wanted: DueQuestion) -> Answers:
        """Ask the strategy once for all legs.

        Raises
        ------
        BarMissed
            If it does not answer; every leg knows by then.
        """
        first = self._legs[0]
        try:
            with first.asking(wanted.close_ms, is_wanted=self._is_wanted):
                questions = [leg.inputs.question(wanted.close_ms) for leg in self._legs]
                answers = ask_together(first.plan.strategy, questions)
        except BarMissed:
            for leg in self._legs:
                leg.miss_as(first)
            raise
        return dict(zip((leg.id for leg in self._legs), answers, strict=True))

    def _is_wanted(self) -> bool:
        """Whether anybody decides on an answer: no leg was dropped while the strategy thought."""
        return not any(leg.has_left for leg in self._legs)

    def take(self, answers: Answers | None) -> None:
        """Book all bars, row by row, and decide at the close of the newest."""
        with ExitStack() as held:
            books = [_Row(leg, held.enter_context(leg.alone()), []) for leg in self._legs]
            bars = {leg.id: self._bars(leg) for leg in self._legs}
            times = sorted({ts for own in bars.values() for ts in own})
            for start in range(0, len(times), _ROWS_PER_TRANSACTION):
                part = times[start : start + _ROWS_PER_TRANSACTION]
                behind = Behind(0.0, float("inf"), any(leg.shares_margin for leg in self._legs))
                for ts in part:
                    step_row(books, [bars[leg.id].get(ts) for leg in self._legs], ts, behind)
                self._store(books, bars, part[-1], answers or {})

    def _bars(self, leg: LegTrader) -> dict[int, ExecutionBar]:
        tick = self._ticks.get(leg.id)
        return {} if tick is None else {bar.ts: bar for bar in leg.new_bars(tick)}

    def _store(
        self, books: Sequence[_Row], bars: Mapping[int, dict[int, ExecutionBar]], until: int, answers: Answers
    ) -> None:
        """Store what the bars up to a time did, with what is decided on those that are the newest."""
        stepped = [book for book in books if book.done]
        closes = dict[int, int]()
        for leg, broker, done in stepped:
            closes[leg.id] = to_ms(done[-1].equity[-1].ts)
            broker.position()  # proven before anything is decided on it
        newest = {book.leg.id for book in stepped if max(bars[book.leg.id]) <= until}
        decisions = {
            leg.id: leg.decide(closes[leg.id], self._ticks[leg.id], answers.get(leg.id))
            if leg.id in newest
            else None
            for leg, _, _ in stepped
        }
        decisions = _all_or_none(stepped, decisions, closes)
        for leg, broker, done in stepped:
            wanted = leg.wanted_capital if leg.id in newest else None
            done[-1] = paid(broker, leg.plan, wanted, done[-1], decisions.get(leg.id))
        prepared = [
            leg.prepared(closes[leg.id], together(done), decisions.get(leg.id), is_newest=leg.id in newest)
            for leg, _, done in stepped
        ]
        self._commit([book.leg for book in stepped], prepared, closes)
        for book in stepped:
            book.done.clear()

    def _commit(
        self, legs: Sequence[LegTrader], prepared: Sequence[Prepared], closes: Mapping[int, int]
    ) -> None:
        now_ms = max(tick.now_ms for tick in self._ticks.values())
        first, *others = (one.booking for one in prepared)
        self._journal.book(self._epoch, first, from_ms(now_ms), others)
        for leg, one in zip(legs, prepared, strict=True):
            leg.settle(one, closes[leg.id], now_ms)


def ask_together(strategy: Strategy, questions: Sequence[StrategyQuestion]) -> list[Answer]:
    """Ask a strategy about all bars of a set once; returns the answer for each leg, in their order.

    Raises
    ------
    StrategyError
        If it fails.
    """
    panel = panel_of([question.bars for question in questions])
    target, scales = target_of(strategy, panel), scales_of(strategy, panel)
    return [
        Answer(
            question,
            float(panel.own(k, target)[-1]),
            {name: panel.own(k, factor) for name, factor in scales.items()},
        )
        for k, question in enumerate(questions)
    ]


def _all_or_none(
    books: Sequence[_Row], decisions: Mapping[int, Decided | None], closes: Mapping[int, int]
) -> dict[int, Decided | None]:
    """Return the decisions without what adds to any leg, where the account denies what one of them adds.

    What trips the breaker of the leg that was denied trips no other: they are held back while it stands.
    """
    denied = next((one for one in decisions.values() if one and one.denied_by in _OF_ACCOUNT), None)
    if denied is None:
        return dict(decisions)
    why = f"another leg was denied: {denied.signal.decision['risk']}"
    rule = "leg_stopped" if trip_of(denied) else denied.denied_by
    denial = AccountDenial(rule or "", "deny", why)
    return {
        key: leg.reduced(one, denial, closes[key]) if one is not None and adds(one) else one
        for leg, (key, one) in zip((book.leg for book in books), decisions.items(), strict=True)
    }


def adds(decided: Decided) -> bool:
    """Whether an order takes its book further from flat, or to the other side."""
    held, ordered = float(decided.signal.decision["view"]["position"]), decided.order_quantity
    return abs(held + ordered) > abs(held) or (held + ordered) * held < 0.0
