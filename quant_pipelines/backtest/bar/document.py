"""State of a book as a JSON document, and back; floats keep their last digit."""

import math
from typing import Any, TypeVar

from quant_pipelines.accounting.account import Account
from quant_pipelines.backtest.bar.state import BookState, Curve, Day, MarketOrder, Stuck
from quant_pipelines.backtest.bar.stops import NO_GUARD, NOTHING_SEEN, TARGET, Guard, Seen, Standing

Part = TypeVar("Part", Guard, Seen)
_NEWER: dict[str, Any] = {
    "day_end_ms": 0,
    "guard": {},
    "seen": {},
    "equity_peak": 0.0,
    "exit_reason": TARGET,
    "wait_bars": 0,
    "equity_mean": 0.0,
    "orders_today": 0,
    "stuck": 0.0,
    "stuck_bars": 0,
}
"""What an older document lacks, as in a book without stops."""


def state_document(state: BookState) -> dict[str, Any]:
    """State as a flat document; None stands for what JSON has no word for."""
    order, stop, day, curve = state.order, state.stop, state.day, state.curve
    return {
        "account": _known(state.account._asdict()),
        "pending": order.quantity,
        "stop_price": stop.price,
        "target_side": state.target_side,
        "close": state.close,
        "equity": curve.equity,
        "day_start_equity": day.start_equity,
        "day_end_ms": day.end_ms,
        "guard": _known(stop.guard._asdict()),
        "seen": _known(state.seen._asdict()),
        "equity_peak": curve.peak,
        "exit_reason": order.reason,
        "wait_bars": order.wait_bars,
        "equity_mean": curve.mean,
        "orders_today": day.n_orders,
        "stuck": state.stuck.quantity,
        "stuck_bars": state.stuck.bars,
    }


def state_from_document(document: dict[str, Any]) -> BookState:
    """State of a document."""
    known = {**_NEWER, **document}

    def real(name: str) -> float:
        return float(known[name])

    def whole(name: str) -> int:
        return int(known[name])

    return BookState(
        account=Account(**{name: float(value) for name, value in known["account"].items()}),
        order=MarketOrder(real("pending"), whole("exit_reason"), whole("wait_bars")),
        stop=Standing(real("stop_price"), _part(NO_GUARD, known["guard"])),
        day=Day(real("day_start_equity"), whole("day_end_ms"), whole("orders_today")),
        curve=Curve(real("equity"), real("equity_peak"), real("equity_mean")),
        target_side=real("target_side"),
        close=real("close"),
        seen=_part(NOTHING_SEEN, known["seen"]),
        stuck=Stuck(real("stuck"), whole("stuck_bars")),
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _part(empty: Part, stored: dict[str, Any]) -> Part:
    kinds = {name: type(value) for name, value in empty._asdict().items()}
    known = {name: kinds[name](value) for name, value in stored.items() if value is not None}
    return empty._replace(**known)
