"""Capital that changes while a deployment trades: a book is paid at a bar's close, after the decision there.

What is to leave is no longer sized on, so that the position is made smaller first and never stands beyond its
limits. A payment is stored with the bar as income of its own kind, so that a restart knows it, and a replay
pays the same before its next bar, as the flows of a backtest are paid.
"""

from dataclasses import replace
from typing import NamedTuple

from live_runner.book.asking import Answer
from live_runner.book.bookings import Driven
from live_runner.book.broker import Broker
from live_runner.book.decision import Decided, Moment, Viewed, decide_on
from live_runner.book.plan import DeploymentPlan
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.trading import BookView, TradingRules
from quant_pipelines.trading.capital import (
    WantedCapital,
    bound_equity,
    due_flow,
    free_equity,
    withheld,
    without,
)


class Bound(NamedTuple):
    """What keeps equity from being free: rules in force, what was decided, what other legs lack (quote)."""

    rules: TradingRules
    decided: Decided | None
    lacking: float = 0.0


class Withholding(NamedTuple):
    """A book as a decision sees it while a withdrawal is due: sized on what stays, and at once."""

    book: Viewed
    amount: float

    @property
    def stop_tightening(self) -> float:
        """As the book has it."""
        return self.book.stop_tightening

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees: equity without what is to leave."""
        view = self.book.view(volatility=volatility, data_age_seconds=data_age_seconds)
        return without(view, self.amount)

    def decide(self, plan: DeploymentPlan, rules: TradingRules, answer: Answer, moment: Moment) -> Decided:
        """Decide on what the strategy has answered; what was withheld is journaled for a replay."""
        if self.amount == 0.0:
            return decide_on(plan, rules, self.book, answer, moment)
        decided = decide_on(plan, replace(rules, rebalance_band=0.0), self, answer, moment)
        return decided.noting({"withheld": self.amount})


def due_to_leave(broker: Broker, wanted: WantedCapital | None, close_ms: int) -> float:
    """Equity that a decision at a close does not size on since it is to leave the book, quote."""
    if wanted is None or from_ms(close_ms) < wanted.at:
        return 0.0
    return withheld(wanted, broker.paid_in, broker.equity)


def paid(
    broker: Broker, plan: DeploymentPlan, wanted: WantedCapital | None, done: Driven, bound: Bound
) -> Driven:
    """Pay the book what is due at the close of the last of its bars; returns the same with that income.

    Nothing is paid at the close of a bar that ended before the change, or while an order is not settled.
    """
    if wanted is None or not done.equity or done.equity[-1].ts < wanted.at or broker.waits_for:
        return done
    free = free_equity(broker.equity, _bound(broker, done, bound) + bound.lacking)
    amount = due_flow(wanted.amount, broker.paid_in, free)
    if not amount:
        return done
    income = (*done.stepped.income, broker.pay(amount, to_ms(done.equity[-1].ts)))
    return done._replace(stepped=done.stepped._replace(income=income))


def lacked(broker: Broker, done: Driven, bound: Bound) -> float:
    """Equity that a book lacks for what it holds and has ordered, quote: the other legs stand behind it."""
    return max(0.0, _bound(broker, done, bound) - broker.equity)


def _bound(broker: Broker, done: Driven, bound: Bound) -> float:
    """Equity that is bound at the close of the last bar, quote: by what is held before and after an order."""
    ordered = bound.decided.order_quantity if bound.decided is not None else 0.0
    held = max(
        map(abs, (broker.account.position, broker.expected_position, broker.expected_position + ordered))
    )
    held += sum(abs(order.quantity) for order in broker.open_orders())
    return bound_equity(held * done.equity[-1].price, bound.rules.execution, bound.rules.limits)
