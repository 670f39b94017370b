"""What closed bars and a decision did to one book, put together as its rows are stored."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from live_runner.book.broker import Broker, Stepped
from live_runner.book.decision import Decided
from live_runner.book.plan import DeploymentPlan
from live_runner.book.rows import json_safe, shown
from quant_pipelines.accounting.margin import NO_BACKING, Backing
from quant_pipelines.backtest import ExecutionBar
from quant_pipelines.core.ids import decision_id
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.store.trading import Booking, EquityPoint, Fill, Intent, Signal
from quant_pipelines.telemetry.record import count

_log = logging.getLogger(__name__)


class Driven(NamedTuple):
    """What bars did to a book, and the equity at the close of each."""

    stepped: Stepped = Stepped()
    equity: tuple[EquityPoint, ...] = ()


def driven(broker: Broker, plan: DeploymentPlan, bars: Iterable[ExecutionBar]) -> Driven:
    """Drive the broker over the bars; returns what they did, and the equity at each close."""
    return together([driven_by(broker, plan, bar) for bar in bars])


def driven_by(
    broker: Broker, plan: DeploymentPlan, bar: ExecutionBar, backing: Backing = NO_BACKING
) -> Driven:
    """Drive the broker over one bar."""
    stepped = broker.step(bar, backing)
    account, close = broker.account, from_ms(bar.ts + plan.execution_step_ms)
    worth = (account.cash, account.position, bar.close, broker.equity)
    point = EquityPoint(close, *worth, *_seen(bar, broker.stop_price))
    return Driven(stepped, (point,))


def _seen(bar: ExecutionBar, stop_price: float | None) -> tuple[Any, ...]:
    """Return the rest of a bar, which a replay of the day needs, and the level of the stop that stands."""
    mark = None if bar.mark is None else bar.mark.open
    return bar.open, bar.high, bar.low, bar.volume, mark, tuple(map(tuple, bar.funding)) or None, stop_price


def together(parts: Sequence[Driven]) -> Driven:
    """Return what several bars did, in their order."""
    equity = tuple(point for part in parts for point in part.equity)
    return Driven(Stepped.of([part.stepped for part in parts]), equity) if parts else Driven()


def booking_of(
    broker: Broker,
    plan: DeploymentPlan,
    close_ms: int,
    *,
    decided: Decided | None,
    done: Driven = Driven(),  # noqa: B008 - a tuple
) -> Booking:
    """Return what bars (``done``) and a decision did; an event strategy has acted on the book by now."""
    return Booking(
        plan.deployment.id,
        broker.venue,
        plan.deployment.symbol,
        from_ms(close_ms),
        broker.checkpoint(),
        broker.position(),
        fills=done.stepped.fills,
        income=done.stepped.income,
        orders=(*done.stepped.orders, *(decided.orders if decided else ())),
        equity=done.equity,
        signal=decided.signal if decided else None,
        intent=decided.intent if decided else None,
        resting=decided.resting if decided else (),
    )


def log_booked(booking: Booking) -> None:
    """Log and count the decision, the orders and the fills that were committed."""
    for fill in booking.fills:
        log_fill(booking.deployment_id, fill)
    intents = (*([booking.intent] if booking.intent else []), *booking.resting)
    if booking.signal is not None:
        _log_decision(booking, booking.signal, has_orders=bool(intents))
    for intent in intents:
        _log_order(booking.deployment_id, intent)


def log_fill(deployment_id: int, fill: Fill) -> None:
    """Log and count a fill that was committed."""
    count("quant_fills_total", deployment=deployment_id, side=fill.side)
    _log.info("fill", extra={"deployment": deployment_id, **shown(fill)})


def _log_decision(booking: Booking, signal: Signal, *, has_orders: bool) -> None:
    denied_by = signal.decision.get("denied_by")
    outcome = "denied" if denied_by else "order" if has_orders else "none"
    count("quant_decisions_total", deployment=booking.deployment_id, outcome=outcome)
    name = decision_id(booking.deployment_id, to_ms(signal.bar_close))
    about = {"deployment": booking.deployment_id, "decision": name, "bar_close": str(signal.bar_close)}
    told = {"target": signal.target, "price": signal.price, "outcome": outcome, "denied_by": denied_by}
    _log.info("decision", extra=about | json_safe(told))


def _log_order(deployment_id: int, intent: Intent) -> None:
    count("quant_orders_total", deployment=deployment_id, side=intent.side)
    _log.info("order", extra={"deployment": deployment_id, **shown(intent)})
