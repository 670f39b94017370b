"""How orders are executed and what margin stands behind them, beside the costs."""

from dataclasses import dataclass

import numpy as np

from quant_pipelines.accounting.margin import NO_MARGIN, MarginTerms
from quant_pipelines.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Bracket:
    """Maintenance bracket: smallest notional in quote, rate, and amount deducted in quote."""

    floor: float
    rate: float
    deducted: float = 0.0


@dataclass(frozen=True, slots=True)
class Execution:
    """Participation, latency and margin; by default orders fill at once and nothing is liquidated.

    Parameters
    ----------
    participation
        Largest share of the last bar's volume that a market order fills within one bar, the rest stays open;
        0 has no cap.
    latency_ms
        Time between the decision's close and the fill; whole execution bars of it are waited for.
    brackets
        Maintenance margin by notional, lowest first; none liquidates nothing.
    leverage
        Isolated margin is the entry notional over this; 0 is cross margin.
    liquidation_fee
        Fraction of the notional.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    participation: float = 0.0
    latency_ms: int = 0
    brackets: tuple[Bracket, ...] = ()
    leverage: float = 0.0
    liquidation_fee: float = 0.0125

    def __post_init__(self) -> None:
        for name, high in (
            ("participation", 1.0),
            ("latency_ms", 86_400_000),
            ("leverage", 1_000.0),
            ("liquidation_fee", 1.0),
        ):
            value = getattr(self, name)
            if not 0.0 <= value <= high:
                raise ConfigurationError(f"{name} is {value}; expected 0 to {high}")

    @property
    def margin(self) -> MarginTerms:
        """The same for compiled code."""
        if not self.brackets:
            return NO_MARGIN
        rows = [[bracket.floor, bracket.rate, bracket.deducted] for bracket in self.brackets]
        return MarginTerms(np.array(rows), float(self.leverage), float(self.liquidation_fee))
