"""I11: journaled inputs and the same version lead to the same targets, orders and intents as a backtest."""

import math
from decimal import Decimal
from functools import lru_cache
from typing import Any

from quant_pipelines.core.bars import Bars, bars_from_columns
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.sdk.strategy import Strategy, target_of
from quant_pipelines.simulator.ports import MarketPort
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.store.trading import Signal
from quant_pipelines.trading import BookView, TradingRules, decide
from quant_pipelines.trading.purposes import TARGET
from tests.faults.at_the_end import AtTheEnd
from tests.faults.evidence import Evidence

_COLUMNS = ("open", "high", "low", "close", "volume")


class DecisionRules(AtTheEnd):
    """Takes every decision again."""

    def look_at_rest(self) -> None:
        """Compare every stored decision, and the intent that it led to."""
        tables = self._evidence.journal.tables
        has_decided = any(
            key == self._deployment.id for key, _ in tables.signals
        )  # it may be none that loads
        targets = self._targets() if has_decided else {}
        for (key, _), signal in tables.signals.items():
            if key != self._deployment.id:
                continue
            if not signal.decision["is_leaving"]:
                self._is_the_strategys(signal, targets)
            self._is_decided_so(signal)
            self._has_its_intent(signal)
        decided = {(key, close) for key, close in tables.signals}
        for (key, close, purpose), name in tables.slots.items():
            if purpose == TARGET and (key, close) not in decided:
                self._findings.violated("I11", f"intent {name} follows no decision")

    def _targets(self) -> dict[int, float]:
        """Targets of a backtest by the close of their bars, milliseconds UTC."""
        return targets_of(self._evidence, self._market, self._deployment)

    def _is_the_strategys(self, signal: Signal, targets: dict[int, float]) -> None:
        wanted = targets.get(to_ms(signal.bar_close))
        if wanted != signal.target:
            what = f"target of {signal.bar_close} is {signal.target}; a backtest's is {wanted}"
            self._findings.violated("I11", what)

    def _is_decided_so(self, signal: Signal) -> None:
        told = signal.decision
        view = {name: math.inf if value is None else value for name, value in told["view"].items()}
        again = decide(BookView(**view), signal.target, TradingRules.from_document(told["rules"]))
        is_denied_by_account = told["denied_by"] is not None and again.denial is None
        if is_denied_by_account:
            return
        if (again.order_quantity, again.target_side) != (told["order_quantity"], told["target_side"]):
            orders = f"{told['order_quantity']}, again {again.order_quantity}"
            what = f"decision of {signal.bar_close} orders {orders}"
            self._findings.violated("I11", what)

    def _has_its_intent(self, signal: Signal) -> None:
        tables = self._evidence.journal.tables
        name = tables.slots.get((self._deployment.id, signal.bar_close, TARGET))
        order = tables.orders.get(name or "")
        ordered = Decimal(repr(float(signal.decision["order_quantity"])))
        if part := signal.decision.get("slice"):  # the others follow it
            ordered = Decimal(repr(part)).copy_sign(ordered)
        if order is None:
            if ordered:
                self._findings.violated("I11", f"decision of {signal.bar_close} has no intent for {ordered}")
            return
        intent = order.intent
        if (intent.quantity if intent.side == "buy" else -intent.quantity) != ordered:
            self._findings.violated("I11", f"intent {name} is not what was decided: {ordered}")


def targets_of(evidence: Evidence, market: MarketPort, deployment: Deployment) -> dict[int, float]:
    """Targets of a backtest by the close of their bars, milliseconds UTC."""
    strategy = strategy_of(deployment.source, **deployment.parameters)
    bars = bars_of(evidence, market, deployment)
    targets = target_of(strategy, bars)
    return {int(ts) + MINUTE_MS: float(target) for ts, target in zip(bars.ts, targets, strict=True)}


def bars_of(evidence: Evidence, market: MarketPort, deployment: Deployment) -> Bars:
    """Everything that was traded since the begin of a deployment's history."""
    now = evidence.now_ms()
    first, last = to_ms(deployment.history_start), now // MINUTE_MS * MINUTE_MS - MINUTE_MS
    ts, rows = market.bars(evidence.market_id, MINUTE_MS, first_ms=first, last_ms=last, now_ms=now)
    columns = {name: rows[:, number] for number, name in enumerate(_COLUMNS)}
    return bars_from_columns(deployment.symbol, "1m", {"ts": ts, **columns})


@lru_cache
def strategy_of(source: str, **parameters: Any) -> Strategy:
    """Strategy by its source, as a backtest loads it."""
    return compile_strategy("world", source).strategy_class(**parameters)
