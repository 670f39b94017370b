"""From a closed bar to a signal and the intent that it wants; the same cycle as every backtest."""

from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from live_runner.book.asking import Answer
from live_runner.book.plan import DeploymentPlan
from live_runner.book.rows import exact, json_safe
from quant_pipelines.backtest.bar.stops import NO_INPUTS, StopInputs
from quant_pipelines.backtest.market.readings import ahead
from quant_pipelines.backtest.market.stop_rules import inputs_document, values_in_force
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.ids import client_order_id
from quant_pipelines.core.orders import side_of
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.risk.account_rules import AccountDenial
from quant_pipelines.store.trading import Intent, OrderState, Signal
from quant_pipelines.trading import BookView, TradingRules, decide
from quant_pipelines.trading.purposes import TARGET


class Moment(NamedTuple):
    """When a decision is taken.

    The bar's close in milliseconds UTC, the writer's epoch, the stream's age, and whether the deployment has
    left its stage (then it wants to be flat, and its strategy is not asked).
    ``is_bar`` tells a strategy bar's close from one at which only something happened to orders, and
    ``exit_reason`` names the event for which it is closed, if one is.
    """

    close_ms: int
    epoch: int
    data_age_seconds: float
    is_leaving: bool = False
    is_bar: bool = True
    exit_reason: str | None = None


class Viewed(Protocol):
    """A book that can be looked at."""

    @property
    def stop_tightening(self) -> float:
        """Factor of the equity's slope on the distances of stops."""

    def view(self, *, volatility: float, data_age_seconds: float) -> BookView:
        """Return what a decision sees."""


class Decided(NamedTuple):
    """A decision as it is stored, and what the broker takes over from it.

    ``resting`` are the orders of an event strategy, ``orders`` the states of those that the decision ends.
    """

    signal: Signal
    intent: Intent | None
    order_quantity: float
    target_side: float
    denied_by: str | None
    stop_inputs: StopInputs = NO_INPUTS
    resting: tuple[Intent, ...] = ()
    orders: tuple[OrderState, ...] = ()

    def noting(self, more: dict[str, Any]) -> "Decided":
        """Return it with more in its journal."""
        return self._replace(signal=replace(self.signal, decision=self.signal.decision | more))


def decide_on(
    plan: DeploymentPlan, rules: TradingRules, broker: Viewed, answer: Answer, moment: Moment
) -> Decided:
    """Decide on what the strategy has answered, at the broker's last close.

    Parameters
    ----------
    plan
        Whose strategy.
    rules
        Rules with the limits in force.
    broker
        The book after the bar.
    answer
        Of its strategy at that close.
    moment
        When.
    """
    rules, bars = plan.rules_at(rules, moment.close_ms), answer.question.bars
    _, volatility, inputs = ahead(plan.strategy, bars, rules, scales=answer.scales)(len(bars) - 1)
    view = broker.view(volatility=volatility, data_age_seconds=moment.data_age_seconds)
    decision = decide(view, answer.target, rules)
    denied_by = decision.denial.rule if decision.denial else None
    journal = {
        **decision.steps,
        "denied_by": denied_by,
        "is_leaving": moment.is_leaving,
        "strategy_bar": from_ms(int(bars.ts[-1])).isoformat(),
        "bar": bar_seen(bars),
        "rules": rules.to_document(),
    }
    if answer.question.told:
        journal["inputs"] = dict(answer.question.told)
    journal["stop_inputs"] = inputs_document(inputs)
    journal["stop_values"] = values_in_force(plan.strategy, inputs.scales, broker.stop_tightening)
    bar_close = from_ms(moment.close_ms)
    signal = Signal(bar_close, answer.target, view.price, json_safe(journal))
    intent = intent_of(plan, moment, decision.order_quantity)
    return Decided(signal, intent, decision.order_quantity, decision.target_side, denied_by, inputs)


def bar_seen(bars: Bars) -> list[float]:
    """Open, high, low, close and volume of the newest bar that the strategy read."""
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return [float(column[-1]) for column in columns]


def without_exposure(
    plan: DeploymentPlan, decided: Decided, denial: AccountDenial, moment: Moment
) -> Decided:
    """Return a decision of which a rule of the account leaves no more than what closes the position.

    As where a rule of the book denies: a side that was left is closed, everything else stays as it is.
    """
    view = decided.signal.decision["view"]
    held, ordered = float(view["position"]), decided.order_quantity
    closing = -held if held * ordered < 0.0 else 0.0
    target_side = 0.0 if closing else float(view["target_side"])
    journal = decided.signal.decision | {
        "denied_by": denial.rule,
        "risk": str(denial),
        "reason": f"denied ({denial})" + (": only the closing part is ordered" if closing else ""),
        "order_quantity": closing,
        "target_side": target_side,
    }
    return decided._replace(
        signal=replace(decided.signal, decision=journal),
        intent=intent_of(plan, moment, closing),
        order_quantity=closing,
        target_side=target_side,
        denied_by=denial.rule,
    )


def intent_of(plan: DeploymentPlan, moment: Moment, quantity: float) -> Intent | None:
    """Intent of a market order that follows a target; None for a quantity of 0."""
    if quantity == 0.0:
        return None
    return Intent(
        client_order_id(moment.epoch, plan.deployment.id, moment.close_ms, TARGET[0]),
        side_of(quantity),
        exact(abs(quantity)),
        TARGET,
        from_ms(moment.close_ms),
        exit_reason=moment.exit_reason,
    )
