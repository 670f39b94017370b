"""From a close to what an event strategy wants, as it is stored: intents, canceled orders, the journal."""

from dataclasses import asdict
from typing import Any

from live_runner.book.broker import AtDesk, EventBroker
from live_runner.book.decision import Decided, Moment, intent_of
from live_runner.book.paper import PaperBroker
from live_runner.book.plan import DeploymentPlan
from live_runner.book.rows import exact, json_safe
from quant_pipelines.backtest.book.desk import Close, Wish
from quant_pipelines.backtest.book.event_run import Acted
from quant_pipelines.backtest.market.readings import latest_of
from quant_pipelines.backtest.market.stop_rules import inputs_document
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.ids import resting_order_id
from quant_pipelines.core.orders import side_of
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.risk import denial_by
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.store.trading import Intent, Signal
from quant_pipelines.trading import TradingRules, decide
from quant_pipelines.trading.purposes import resting_purpose

BY_STRATEGY, BY_RUNNER = "the strategy took it back", "the runner took it back"


def decide_event(
    plan: DeploymentPlan, rules: TradingRules, desk: AtDesk, bars: Bars, moment: Moment
) -> Decided:
    """Let an event strategy act on the book; what it wants is committed before anything can fill it.

    Parameters
    ----------
    plan, rules, bars, moment
        As in ``decide_on``.
    desk
        The strategy, and its broker after the bar.

    Raises
    ------
    StrategyError
        If the strategy fails.
    """
    (run, broker), strategy = desk, plan.strategy
    assert isinstance(strategy, EventStrategy)  # noqa: S101 - it has a desk
    rules = plan.rules_at(rules, moment.close_ms)
    if moment.is_leaving:
        return _leave(plan, rules, desk, moment)
    stale = denial_by("stale_data", moment.data_age_seconds, rules.limits)
    if stale:
        return _nothing(rules, broker, moment, stale.rule)
    latest = latest_of(strategy, bars, rules)
    if moment.is_bar:
        broker.read(latest.inputs)
    close = Close(moment.close_ms, latest.features, latest.volatility, moment.data_age_seconds)
    acted = run.act(rules.terms, close, bars if moment.is_bar else None)
    placed = [wish for wish in acted.wishes if wish.number and wish.number not in acted.canceled]
    intents = tuple(_intent(plan, moment, wish) for wish in placed)
    journal = _journal(acted) | {"stop_inputs": inputs_document(latest.inputs)}
    signal = _signal(rules, broker, moment, journal)
    return Decided(
        signal,
        None,
        0.0,
        0.0,
        denied_by(acted),
        latest.inputs,
        intents,
        broker.canceled(acted.canceled, BY_STRATEGY),
    )


def withdraw(rules: TradingRules, broker: PaperBroker, moment: Moment) -> Decided | None:
    """Take back the orders that could open, without asking the strategy; None if there are none."""
    run = broker.run
    if run is None or all(order.reduce_only for order in broker.book.orders):
        return None
    canceled = run.leave(only_opening=True)
    decided = _nothing(rules, broker, moment, "halted")
    return decided._replace(orders=broker.canceled(canceled, BY_RUNNER))


def denied_by(acted: Acted) -> str | None:
    """Return the rule that refused an order first; None if none did."""
    return next((wish.placement.denial.rule for wish in acted.wishes if wish.placement.denial), None)


def _leave(plan: DeploymentPlan, rules: TradingRules, desk: AtDesk, moment: Moment) -> Decided:
    """Take back all orders and close what is held."""
    run, broker = desk
    states = broker.canceled(run.leave(only_opening=False), BY_RUNNER)
    decision = decide(broker.view(volatility=0.0, data_age_seconds=moment.data_age_seconds), 0.0, rules)
    signal = _signal(rules, broker, moment, {**decision.steps, "is_leaving": True})
    intent = intent_of(plan, moment, decision.order_quantity)
    return broker.closing(Decided(signal, intent, decision.order_quantity, 0.0, None, orders=states))


def _nothing(rules: TradingRules, broker: EventBroker, moment: Moment, cause: str) -> Decided:
    journal = {"denied_by": cause, "reason": f"denied ({cause}): the strategy is asked again later"}
    return Decided(_signal(rules, broker, moment, journal), None, 0.0, 0.0, cause)


def _intent(plan: DeploymentPlan, moment: Moment, wish: Wish) -> Intent:
    order = wish.order
    return Intent(
        resting_order_id(moment.epoch, plan.deployment.id, moment.close_ms, wish.number),
        side_of(order.quantity),
        exact(abs(order.quantity)),
        resting_purpose(wish.number),
        from_ms(moment.close_ms),
        order.kind,
        price=exact(order.price) if order.price else None,
        reduce_only=order.reduce_only,
    )


def _signal(rules: TradingRules, broker: EventBroker, moment: Moment, journal: dict[str, Any]) -> Signal:
    """Row of a close; where a target strategy's target stands, this one has the share of equity it holds."""
    view = broker.view(volatility=0.0, data_age_seconds=moment.data_age_seconds)
    weight = view.position * view.price / view.equity if view.equity > 0.0 else 0.0
    document = {
        "form": "event",
        "view": view._asdict(),
        "order_quantity": 0.0,
        "target_side": 0.0,
        "denied_by": None,
        "is_leaving": moment.is_leaving,
        "rules": rules.to_document(),
        **journal,
    }
    return Signal(from_ms(moment.close_ms), weight, view.price, json_safe(document))


def _journal(acted: Acted) -> dict[str, Any]:
    """Write down what the strategy was told, and what it did."""
    wishes = [
        {"number": wish.number, "reason": wish.placement.reason} | asdict(wish.order) for wish in acted.wishes
    ]
    n_placed = sum(1 for wish in acted.wishes if wish.number)
    return {
        "events": [asdict(event) for event in acted.events],
        "orders": wishes,
        "canceled": list(acted.canceled),
        "denied_by": denied_by(acted),
        "reason": f"{n_placed} orders placed, {len(acted.canceled)} canceled",
    }
