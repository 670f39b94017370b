"""Days that are put together by hand: a minute has one bar, and every price is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.parity import (
    DayComparison,
    DayFill,
    DayJournal,
    DayPayment,
    Facts,
    JournaledDecision,
    ReplayedDay,
    SeenBar,
    compare,
)
from quant_pipelines.parity.comparison import Sources
from quant_pipelines.parity.journal import FeeRates
from quant_pipelines.trading import BookView, TradingRules

MINUTE = 60_000
TICK, LOT = Decimal("0.1"), Decimal("0.01")
AT_VENUE = Facts(
    MINUTE, TICK, LOT, FeeRates(Decimal(0), Decimal("0.0005")), price_margin=Decimal("0.0001"), is_paper=False
)


def target(minute: int, quantity: str, price: str, **more: Any) -> DayFill:
    """Fill of a target that was decided on at a minute's close; its fee is 5 basis points unless told."""
    size, paid = Decimal(quantity), Decimal(price)
    fee = more.pop("fee", abs(size) * paid * Decimal("0.0005"))
    return DayFill(minute * MINUTE + 1_000, "target", minute * MINUTE, size, paid, fee, **more)


def other(kind: Any, minute: int, quantity: str, price: str, **more: Any) -> DayFill:
    """Fill without a decision, as of a stop."""
    return DayFill(minute * MINUTE, kind, 0, Decimal(quantity), Decimal(price), Decimal(0), **more)


@dataclass
class Built:
    """A day: what the runner did, what the replay did, and what is known of it."""

    actual: Sequence[DayFill] = ()
    replayed: Sequence[DayFill] = ()
    paid: Sequence[DayPayment] = ()
    replayed_paid: Sequence[DayPayment] = ()
    facts: Facts = AT_VENUE
    decided: dict[int, dict[str, Any]] = field(default_factory=dict)
    missed: tuple[int, ...] = ()
    late_bars: tuple[int, ...] = ()
    filled: Sequence[DayFill] | None = None
    stored: Sequence[DayFill] | None = None
    held: float = 0.0
    end_price: str = "100"

    def compared(self) -> DayComparison:
        """Compare it."""
        seen = self._replay(self.replayed)
        filled = seen if self.filled is None else self._replay(self.filled)
        stored = filled if self.stored is None else self._replay(self.stored)
        return compare(self.journal(), Sources(seen, filled, stored), (), Decimal(self.end_price))

    def journal(self) -> DayJournal:
        """Return what the runner wrote down."""
        bars = tuple(
            SeenBar(
                ExecutionBar(minute * MINUTE, 100.0, 101.0, 99.0, 100.0, 10.0),
                1000.0,
                (minute + 1) * MINUTE + (10 * MINUTE if minute in self.late_bars else 1_000),
            )
            for minute in range(60)
        )
        decisions = tuple(self._decision(minute) for minute in range(1, 60) if minute not in self.missed)
        known = (bars, decisions, tuple(self.actual), tuple(self.paid), self.facts)
        return DayJournal(0, 1440 * MINUTE, None, *known)

    def _decision(self, minute: int) -> JournaledDecision:
        view = BookView(self.held, 1000.0, 100.0, 1000.0, 0.0)
        more = self.decided.get(minute, {})
        return JournaledDecision(minute * MINUTE, 1.0, view, TradingRules(), 0.0, 0.0, **more)

    def _replay(self, trades: Sequence[DayFill]) -> ReplayedDay:
        return ReplayedDay(tuple(trades), tuple(self.replayed_paid), (), ())
