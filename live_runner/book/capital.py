"""Capital that changes while a deployment trades: a book is paid at a bar's close, after the decision there.

It is stored with the bar as income of its own kind, so that a restart knows it, and a replay pays the same
before its next bar, as the flows of a backtest are paid.
"""

from typing import NamedTuple

from live_runner.book.bookings import Driven
from live_runner.book.broker import Broker
from live_runner.book.decision import Decided
from live_runner.book.plan import DeploymentPlan
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.trading.capital import LEAST_MARGIN, WantedCapital, due_flow, free_equity


class Bound(NamedTuple):
    """What keeps equity of a book from being free: what was decided, and what other legs lack, quote."""

    decided: Decided | None
    lacking: float = 0.0


def paid(
    broker: Broker, plan: DeploymentPlan, wanted: WantedCapital | None, done: Driven, bound: Bound
) -> Driven:
    """Pay the book what is due at the close of the last of its bars; returns the same with that income.

    Nothing is paid at the close of a bar that ended before the change, or while an order is not settled.
    """
    if wanted is None or not done.equity or done.equity[-1].ts < wanted.at or broker.waits_for:
        return done
    leverage, notional = plan.rules.execution.leverage, _notional(broker, done, bound.decided)
    free = free_equity(broker.equity - bound.lacking, notional, leverage)
    amount = due_flow(wanted.amount, broker.paid_in, free)
    if not amount:
        return done
    income = (*done.stepped.income, broker.pay(amount, to_ms(done.equity[-1].ts)))
    return done._replace(stepped=done.stepped._replace(income=income))


def lacked(broker: Broker, done: Driven, decided: Decided | None) -> float:
    """Equity that a book lacks for what it holds and has ordered, quote: the other legs stand behind it."""
    return max(0.0, LEAST_MARGIN * _notional(broker, done, decided) - broker.equity)


def _notional(broker: Broker, done: Driven, decided: Decided | None) -> float:
    """Notional of what is held and ordered at the close of the last bar, quote, unsigned."""
    held = max(abs(broker.account.position), abs(broker.expected_position))
    held += sum(abs(order.quantity) for order in broker.open_orders())
    held += abs(decided.order_quantity) if decided is not None else 0.0
    return held * done.equity[-1].price
