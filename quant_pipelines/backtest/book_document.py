"""State of a book as a JSON document, and back; floats keep their last digit."""

import math
from typing import Any, TypeVar

from quant_pipelines.accounting.account import Account
from quant_pipelines.backtest.state import BookState
from quant_pipelines.backtest.stops import NO_GUARD, NOTHING_SEEN, Guard, Seen

Part = TypeVar("Part", Guard, Seen)
PARTS = ("account", "guard", "seen")
WHOLE = ("day_end_ms", "exit_reason", "wait_bars", "orders_today")


def state_document(state: BookState) -> dict[str, Any]:
    """State as a document; None stands for what JSON has no word for."""
    parts = {name: _known(getattr(state, name)._asdict()) for name in PARTS}
    return {**state._asdict(), **parts}


def state_from_document(document: dict[str, Any]) -> BookState:
    """State of a document; what an older one lacks is as in a book without stops."""
    numbers = {name: value for name, value in document.items() if name not in PARTS}
    whole: dict[str, Any] = {name: int(numbers.pop(name, 0)) for name in WHOLE}
    rest: dict[str, Any] = {name: float(value) for name, value in numbers.items()}
    return BookState(
        account=Account(**{name: float(value) for name, value in document["account"].items()}),
        guard=_part(NO_GUARD, document.get("guard", {})),
        seen=_part(NOTHING_SEEN, document.get("seen", {})),
        **whole,
        **rest,
    )


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _part(empty: Part, stored: dict[str, Any]) -> Part:
    kinds = {name: type(value) for name, value in empty._asdict().items()}
    known = {name: kinds[name](value) for name, value in stored.items() if value is not None}
    return empty._replace(**known)
