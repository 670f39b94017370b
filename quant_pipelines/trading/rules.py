"""Everything but the strategy that decides an order; the same value in backtest, paper and live."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from quant_pipelines.core.errors import ConfigurationError, unknown_name
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.orders import Direction
from quant_pipelines.core.setting_bounds import bounds_of, first_fault
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.costs.fees import CostTerms, cost_terms
from quant_pipelines.portfolio.sizing import (
    AllIn,
    Sizing,
    SizingTerms,
    sizing_document,
    sizing_from_document,
)
from quant_pipelines.risk import NO_LIMITS, LimitTerms, RiskLimits, limit_terms
from quant_pipelines.trading.execution import Bracket, Execution

DIRECTIONS = {"both": (-1.0, 1.0), "long": (0.0, 1.0), "short": (-1.0, 0.0)}


class TradingTerms(NamedTuple):
    """Rules for compiled code; targets are clipped to [lowest_target, highest_target]."""

    costs: CostTerms
    sizing: SizingTerms
    limits: LimitTerms
    lowest_target: float
    highest_target: float
    lot_size: float
    min_notional: float
    rebalance_band: float


@dataclass(frozen=True, slots=True)
class Specification:
    """Steps of one instrument: base quantity and smallest order value in quote; 0 is no restriction."""

    lot_size: float = 0.0
    min_notional: float = 0.0

    @classmethod
    def of(cls, instrument: Instrument) -> "Specification":
        """Take the steps as the exchange publishes them."""
        return cls(float(instrument.lot_size), float(instrument.min_notional))


@dataclass(frozen=True, slots=True)
class TradingRules:
    """Costs, size, limits and steps in force.

    Parameters
    ----------
    costs
        Fee and slippage in basis points.
    sizing
        What a full target is worth.
    limits
        Risk limits; none by default.
    specification
        Lot size and smallest order.
    direction
        ``both``, ``long`` or ``short``: the other side of a target counts as flat.
    rebalance_band
        A held position is re-sized only when the quantity is off by more than this fraction of it.
    execution
        Participation, latency and margin.

    Raises
    ------
    ConfigurationError
        If the direction is unknown, or a cost or the band out of its range.
    """

    costs: CostSettings = CostSettings()  # noqa: RUF009 - frozen
    sizing: Sizing = AllIn()  # noqa: RUF009 - frozen
    limits: RiskLimits = NO_LIMITS
    specification: Specification = Specification()
    direction: Direction = "both"
    rebalance_band: float = 0.10
    execution: Execution = Execution()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise ConfigurationError(unknown_name("direction", self.direction, DIRECTIONS))
        band = bounds_of("portfolio.rebalance_band").fault("rebalance_band", self.rebalance_band)
        fault = first_fault(self.costs) or band
        if fault:
            raise ConfigurationError(fault)

    @property
    def terms(self) -> TradingTerms:
        """The same for compiled code."""
        lowest, highest = DIRECTIONS[self.direction]
        return TradingTerms(
            cost_terms(self.costs),
            self.sizing.terms,
            limit_terms(self.limits),
            lowest,
            highest,
            float(self.specification.lot_size),
            float(self.specification.min_notional),
            float(self.rebalance_band),
        )

    def to_document(self) -> dict[str, Any]:
        """Rules as a JSON document; absent limits stand for none."""
        return {
            "costs": asdict(self.costs),
            "sizing": sizing_document(self.sizing),
            "limits": self.limits.given,
            "specification": asdict(self.specification),
            "direction": self.direction,
            "rebalance_band": self.rebalance_band,
            "execution": asdict(self.execution),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "TradingRules":
        """Rules of a document that ``to_document`` made."""
        execution = dict(document.get("execution", {}))
        brackets = tuple(Bracket(**bracket) for bracket in execution.pop("brackets", ()))
        return cls(
            CostSettings(**document["costs"]),
            sizing_from_document(document["sizing"]),
            RiskLimits(**document["limits"]),
            Specification(**document["specification"]),
            document["direction"],
            document["rebalance_band"],
            Execution(brackets=brackets, **execution),
        )
