"""A day of the runner beside its replay: the difference as a sum of causes, and what is left of it.

The sum is exact: causes and rest are decimals, and the rest is the difference without them.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final, Literal, NamedTuple, TypeAlias

from quant_pipelines.parity.causes import CAUSES, Grounds
from quant_pipelines.parity.decisions import Another
from quant_pipelines.parity.drift import Drift
from quant_pipelines.parity.journal import ZERO, DayFill, DayJournal, DayPayment, JournaledDecision
from quant_pipelines.parity.pairs import PRECISION, Pair, Piece, earned, paid_parts, paired, parts_of
from quant_pipelines.parity.replay import ReplayedDay

Verdict: TypeAlias = Literal[
    "equal", "explained", "unexplained", "decided otherwise", "not replayed", "not replayable"
]
FAULTS: Final[tuple[Verdict, ...]] = ("unexplained", "decided otherwise")
"""Verdicts that stop a deployment's entries."""
_STEP = Decimal("1e-44")
"""Sums and products of what is stored have no finer digits; an average may."""
_BASIS_POINT = Decimal("1e-4")


class Sources(NamedTuple):
    """Replays of one day that differ in their bars alone.

    Parameters
    ----------
    seen
        By the bars that the runner had, and nothing else.
    filled
        With those that it never had, too.
    stored
        By the bars as they are stored by now.
    """

    seen: ReplayedDay
    filled: ReplayedDay
    stored: ReplayedDay


class DayComparison(NamedTuple):
    """What came of a day.

    Parameters
    ----------
    actual, replayed
        What fills and payments brought by the end of the day, quote.
    causes
        What each cause explains of the difference, quote; positive: the runner earned more by it.
    rest
        What none does, quote.
    allowed
        Most of it that is no fault, quote.
    n_fills, n_replayed
        Fills of both.
    another
        Decisions that came out otherwise.
    is_equal_to_the_bit
        Whether the equity at every bar was the replay's.
    """

    actual: Decimal
    replayed: Decimal
    causes: Mapping[str, Decimal]
    rest: Decimal
    allowed: Decimal
    n_fills: int
    n_replayed: int
    another: tuple[Another, ...] = ()
    is_equal_to_the_bit: bool = False

    @property
    def difference(self) -> Decimal:
        """What the runner earned more than the replay, quote."""
        with localcontext(prec=PRECISION):
            return self.actual - self.replayed

    @property
    def verdict(self) -> Verdict:
        """How the day is judged."""
        if self.another:
            return "decided otherwise"
        if abs(self.rest) > self.allowed:
            return "unexplained"
        return "explained" if self.difference or self.causes or self.rest else "equal"


def compare(
    journal: DayJournal, sources: Sources, another: Sequence[Another], end_price: Decimal
) -> DayComparison:
    """Bring a journaled day and its replays together.

    Parameters
    ----------
    journal
        What the runner wrote down.
    sources
        The same day again.
    another
        Decisions that came out otherwise, see ``decisions``.
    end_price
        Price at which both are valued, quote per base.
    """
    with localcontext(prec=PRECISION):
        seen = sources.seen
        step_ms = journal.facts.step_ms
        pairs = paired(journal.trades, seen.trades, step_ms)
        brought = [earned(one.trades, one.payments, end_price) for one in sources]
        actual = earned(journal.trades, journal.payments, end_price)
        parts = [
            Piece("holes", journal.end_ms, brought[0] - brought[1]),
            Piece("bars", journal.end_ms, brought[1] - brought[2]),
            *paid_parts(journal.payments, seen.payments, step_ms),
        ]
        day = _day(journal, pairs)
        explained = Drift(day)
        for part in (part for part in parts if part.left):
            explained.add(part)
        for pair in pairs:
            explained.add_pair(pair, parts_of(pair, end_price))
        causes = {name: amount.quantize(_STEP) for name, amount in explained.amounts.items()}
        known = {one.name: causes[one.name] for one in CAUSES if causes.get(one.name)}
        rest = actual - brought[2] - sum(known.values(), ZERO)
        return DayComparison(
            actual,
            brought[2],
            known,
            rest,
            _allowed(journal, pairs),
            len(journal.trades),
            len(sources.stored.trades),
            tuple(another),
            tuple(one.equity for one in journal.bars) == seen.equity,
        )


def _allowed(journal: DayJournal, pairs: Iterable[Pair]) -> Decimal:
    """One tick of what was traded, or a basis point of its value, whichever is more."""
    quantity, notional = ZERO, ZERO
    for pair in pairs:
        quantity += max(abs(pair.actual.quantity), abs(pair.replayed.quantity))
        notional += max(abs(pair.actual.value), abs(pair.replayed.value))
    return max(journal.facts.tick_size * quantity, _BASIS_POINT * notional)


def _day(journal: DayJournal, pairs: Iterable[Pair]) -> Grounds:
    return Grounds(
        journal.facts,
        {one.close_ms: one for one in journal.decisions},
        {one.bar.ts: one for one in journal.bars},
        tuple(sorted(trade.ts_ms for trade in journal.trades)),
        _most_held(journal.decisions, journal.trades),
        _moved(journal.payments, journal.decisions),
    )


def _most_held(decisions: Iterable[JournaledDecision], trades: Iterable[DayFill]) -> Decimal:
    held = [abs(one.view.position) for one in decisions if one.view is not None]
    traded = [abs(trade.quantity) for trade in trades]
    return max([Decimal(repr(one)) for one in held] + traded, default=ZERO)


def _moved(payments: Iterable[DayPayment], decisions: Iterable[JournaledDecision]) -> dict[int, Decimal]:
    """Capital that came or went, as a fraction of the equity that was decided on next."""
    worth = [(one.close_ms, one.view.equity) for one in decisions if one.view is not None]
    moved = {}
    for paid in payments:
        after = next((equity for close_ms, equity in worth if close_ms >= paid.ts_ms), 0.0)
        if paid.kind == "transfer" and after > 0.0:
            moved[paid.ts_ms] = paid.amount / Decimal(repr(after))
    return moved
