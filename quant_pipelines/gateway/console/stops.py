"""Kinds of stops: what each does, which books use it with which value, and what stands now."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from quant_pipelines.gateway.reading_models import DeploymentView, PositionView

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hard_stop": "a fraction of the entry price away from it, fixed at the entry",
        "atr_stop": "average true ranges away from the entry price, fixed at the entry",
        "volatility_stop": "deviations of a bar's return away from the entry price, fixed at the entry",
        "chandelier_stop": "average true ranges away from the best price since the entry",
        "sar_stop": "Wilder's parabolic stop; the value is its acceleration step",
        "time_stop": "bars in a position at the most",
        "equity_stop": "fall of the book's equity from its peak, a fraction",
        "take_profit": "a limit order, a fraction of the entry price away from it",
        "slope_tightening": "factor on distances while the book's own equity falls; 0 is off",
    }
)
"""What a strategy may declare, in the order of the table."""


class StopUse(NamedTuple):
    """A book that declares a stop, and the value that is in force for it."""

    row: DeploymentView
    value: Any


class StopKind(NamedTuple):
    """A kind of stop with the books that use it."""

    name: str
    told: str
    uses: list[StopUse]


class StandingStop(NamedTuple):
    """Level of a position, and how far it is from the price, a signed fraction; None where there is none."""

    row: PositionView
    distance: float | None


def kinds_used(traded: Sequence[DeploymentView]) -> list[StopKind]:
    """Kinds of stops with the books that use them; pure."""
    return [
        StopKind(name, told, [StopUse(row, row.parameters[name]) for row in traded if name in row.parameters])
        for name, told in KINDS.items()
    ]


def standing(positions: Sequence[PositionView]) -> list[StandingStop]:
    """Order the stops of what is held: positions without one, then the nearest first; pure."""
    found = [StandingStop(row, _distance(row)) for row in positions]
    return sorted(found, key=lambda one: -1.0 if one.distance is None else abs(one.distance))


def _distance(row: PositionView) -> float | None:
    if row.stop_price is None or not row.price:
        return None
    return float(row.stop_price) / row.price - 1.0
