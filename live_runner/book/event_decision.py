"""From a close to what an event strategy wants, as it is stored: intents, canceled orders, the journal."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from live_runner.book.asking import Answer
from live_runner.book.broker import AtDesk, EventBroker
from live_runner.book.decision import Decided, Moment, bar_seen, intent_of
from live_runner.book.paper import PaperBroker
from live_runner.book.plan import DeploymentPlan
from live_runner.book.rows import exact, json_safe
from live_runner.book.sitting import Sat
from quant_pipelines.backtest.book.desk import Wish
from quant_pipelines.backtest.book.event_run import Acted
from quant_pipelines.backtest.market.stop_rules import inputs_document
from quant_pipelines.core.ids import resting_order_id
from quant_pipelines.core.orders import side_of
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.trading import Intent, OrderState, Signal
from quant_pipelines.trading import TradingRules, decide
from quant_pipelines.trading.kept import Since, dropped
from quant_pipelines.trading.purposes import resting_purpose

BY_STRATEGY, BY_RUNNER = "the strategy took it back", "the runner took it back"


class Kept(NamedTuple):
    """What is taken over of what a strategy did at a copy of its desk: orders placed, and the journal."""

    wishes: tuple[Wish, ...] = ()
    canceled: tuple[OrderState, ...] = ()
    journal: Mapping[str, Any] = {}


def decide_event(
    plan: DeploymentPlan, rules: TradingRules, desk: AtDesk, answer: Answer, moment: Moment
) -> Decided:
    """Take over what an event strategy has done; what it wants is committed before anything can fill it.

    Parameters
    ----------
    plan, rules, answer, moment
        As in ``decide_on``.
    desk
        The strategy, and its broker after the bar.
    """
    broker, sat = desk.broker, answer.sat
    rules = plan.rules_at(rules, moment.close_ms)
    if moment.is_leaving:
        return _leave(plan, rules, desk, sat, moment)
    if sat is None:
        return _nothing(rules, broker, moment, "stale_data")
    if moment.is_bar:
        broker.read(sat.latest.inputs)
    kept = _kept(rules, desk, sat)
    intents = tuple(_intent(plan, moment, wish) for wish in kept.wishes)
    seen = {"bar": bar_seen(answer.question.bars)} if moment.is_bar else {}
    journal = {**kept.journal, **seen, "stop_inputs": inputs_document(sat.latest.inputs)}
    signal = _signal(rules, broker, moment, journal)
    denied = denied_by(sat.acted)
    return Decided(signal, None, 0.0, 0.0, denied, sat.latest.inputs, intents, kept.canceled)


def withdraw(
    plan: DeploymentPlan, rules: TradingRules, desk: AtDesk, answer: Answer | None, moment: Moment
) -> Decided | None:
    """Take back the orders that could open, and take over what the strategy did before the halt.

    At a venue the link takes them back at once. None if nothing is done.
    """
    (run, broker), sat = desk, None if answer is None else answer.sat
    rules = plan.rules_at(rules, moment.close_ms)
    kept = Kept() if sat is None else _kept(rules, desk, sat, decides=False)
    orders = kept.canceled
    if isinstance(broker, PaperBroker):
        orders += broker.canceled(run.leave(only_opening=True), BY_RUNNER)
    if sat is not None:
        return Decided(_signal(rules, broker, moment, kept.journal), None, 0.0, 0.0, None, orders=orders)
    return _nothing(rules, broker, moment, "halted")._replace(orders=orders) if orders else None


def denied_by(acted: Acted) -> str | None:
    """Return the rule that refused an order first; None if none did."""
    return next((wish.placement.denial.rule for wish in acted.wishes if wish.placement.denial), None)


def _kept(rules: TradingRules, desk: AtDesk, sat: Sat, *, decides: bool = True) -> Kept:
    """Take over what was done at a copy of the desk, without what may not be placed any more."""
    (run, broker), acted = desk, sat.acted
    run.adopt(sat.sitting.run, acted)
    since = Since(decides, run.is_left_since(sat.sitting.run), rules != sat.sitting.rules)
    placed = [wish for wish in acted.wishes if wish.number and wish.number not in acted.canceled]
    found = {wish.number: dropped(since, reduce_only=wish.order.reduce_only) for wish in placed}
    gone = {number: reason for number, reason in found.items() if reason is not None}
    for number, reason in gone.items():
        run.take_back([number], reason)
    wishes = tuple(wish for wish in placed if wish.number not in gone)
    return Kept(wishes, broker.canceled(acted.canceled, BY_STRATEGY), _journal(acted, gone))


def _leave(
    plan: DeploymentPlan, rules: TradingRules, desk: AtDesk, sat: Sat | None, moment: Moment
) -> Decided:
    """Take back all orders and close what is held."""
    run, broker = desk
    kept = Kept() if sat is None else _kept(rules, desk, sat, decides=False)
    states = (*kept.canceled, *broker.canceled(run.leave(only_opening=False), BY_RUNNER))
    decision = decide(broker.view(volatility=0.0, data_age_seconds=moment.data_age_seconds), 0.0, rules)
    signal = _signal(rules, broker, moment, {**kept.journal, **decision.steps, "is_leaving": True})
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


def _signal(rules: TradingRules, broker: EventBroker, moment: Moment, journal: Mapping[str, Any]) -> Signal:
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


def _journal(acted: Acted, gone: Mapping[int, str]) -> dict[str, Any]:
    """Write down what the strategy was told, what it did, and why some of its orders are not placed."""
    wishes = [
        {"number": wish.number, "reason": gone.get(wish.number, wish.placement.reason)} | wish.order._asdict()
        for wish in acted.wishes
    ]
    n_placed = sum(1 for wish in acted.wishes if wish.number and wish.number not in gone)
    return {
        "events": [asdict(event) for event in acted.events],
        "orders": wishes,
        "canceled": list(acted.canceled),
        "denied_by": denied_by(acted),
        "reason": f"{n_placed} orders placed, {len(acted.canceled)} canceled",
    }
