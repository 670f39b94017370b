"""Sizers: how much of the book's equity a full target is worth."""

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from quant_pipelines.core.bounds import Bounds
from quant_pipelines.core.errors import ConfigurationError, unknown_name
from quant_pipelines.core.jit import scalar
from quant_pipelines.costs import CostTerms

ALL_IN, FIXED, VOLATILITY_TARGET = 0, 1, 2


class SizerView(Protocol):
    """What a sizer reads of a book: equity in quote, price, annualized volatility."""

    @property
    def equity(self) -> float: ...  # noqa: D102

    @property
    def price(self) -> float: ...  # noqa: D102

    @property
    def volatility(self) -> float: ...  # noqa: D102


class SizingTerms(NamedTuple):
    """Sizer for compiled code: kind 0 all-in, 1 fixed, 2 volatility target.

    ``amount`` is the fraction of equity, the base quantity, or the annual volatility; ``max_weight`` is
    the largest notional over equity of a volatility target.
    """

    kind: int
    amount: float
    max_weight: float


@dataclass(frozen=True, slots=True)
class AllIn:
    """Position worth this fraction of equity, costs of the fill included."""

    fraction: float = 1.0

    @property
    def terms(self) -> SizingTerms:
        """The same for compiled code."""
        return SizingTerms(ALL_IN, float(self.fraction), 0.0)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Position of this many base units."""

    quantity: float

    @property
    def terms(self) -> SizingTerms:
        """The same for compiled code."""
        return SizingTerms(FIXED, float(self.quantity), 0.0)


@dataclass(frozen=True, slots=True)
class VolatilityTarget:
    """Position whose expected volatility is a fixed share of equity.

    Parameters
    ----------
    annual_volatility
        Wanted, as a fraction a year.
    max_weight
        Largest notional over equity.
    window
        Strategy bars over which the realized volatility is measured.
    """

    annual_volatility: float = 0.4
    max_weight: float = 1.0
    window: int = 240

    @property
    def terms(self) -> SizingTerms:
        """The same for compiled code."""
        return SizingTerms(VOLATILITY_TARGET, float(self.annual_volatility), float(self.max_weight))


Sizing: TypeAlias = AllIn | Fixed | VolatilityTarget

_KINDS: dict[str, type[AllIn | Fixed | VolatilityTarget]] = {
    "all_in": AllIn,
    "fixed": Fixed,
    "vol_target": VolatilityTarget,
}
_BOUNDS = {"all_in": Bounds(high=100), "fixed": Bounds(high=10**15), "vol_target": Bounds(high=100)}
"""Multiples of equity, base units, and a fraction a year."""


@scalar
def desired_quantity(view: SizerView, target: float, costs: CostTerms, sizing: SizingTerms) -> float:
    """Signed base quantity that a target is worth, before rounding.

    Parameters
    ----------
    view
        Anything with ``equity`` (quote), ``price`` (quote per base) and ``volatility`` (fraction a year).
    target
        In [-1, 1].
    costs
        The fill must be paid from the same equity: an all-in position leaves room for fee and slippage.
    sizing
        Terms of the sizer. Without equity or without a known volatility the answer is 0.
    """
    if not view.equity > 0.0:
        return 0.0
    if sizing.kind == FIXED:
        return target * sizing.amount
    weight = sizing.amount
    if sizing.kind == VOLATILITY_TARGET:
        if not view.volatility > 0.0:
            return 0.0
        weight = min(sizing.max_weight, sizing.amount / view.volatility)
    unit_cost = view.price * (1.0 + costs.slippage_rate) * (1.0 + costs.fee_rate)
    return target * weight * view.equity / unit_cost


def parse_sizing(text: str) -> Sizing:
    """Sizer from its command-line form: ``all_in``, ``all_in:0.5``, ``fixed:Q``, ``vol_target[:0.4]``.

    Raises
    ------
    ConfigurationError
        If the kind is unknown, or the amount is not a positive number or too large.
    """
    kind, _, amount = text.partition(":")
    if kind not in _KINDS:
        raise ConfigurationError(unknown_name("sizing", kind, _KINDS))
    if not amount and kind != "fixed":
        return _KINDS[kind]()  # type: ignore[call-arg]  # fixed is excluded
    try:
        value = float(amount)
    except ValueError:
        value = 0.0
    if not 0.0 < value < math.inf:
        raise ConfigurationError(f"sizing is {text!r}; expected a positive number after {kind}:")
    fault = _BOUNDS[kind].fault(f"sizing {kind}", value)
    if fault:
        raise ConfigurationError(fault)
    return _KINDS[kind](value)


def sizing_document(sizing: Sizing) -> dict[str, Any]:
    """Sizer as a JSON document."""
    names = {kind: name for name, kind in _KINDS.items()}
    return {"kind": names[type(sizing)], **asdict(sizing)}


def sizing_from_document(document: dict[str, Any]) -> Sizing:
    """Sizer of a document that ``sizing_document`` made."""
    fields = {name: value for name, value in document.items() if name != "kind"}
    return _KINDS[document["kind"]](**fields)
