"""How orders are executed and what margin stands behind them, beside the costs."""

from dataclasses import dataclass

import numpy as np

from quant_pipelines.accounting.margin import MarginTerms
from quant_pipelines.core.bounds import Bounds
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.setting_bounds import bounds_of
from quant_pipelines.core.settings import ExecutionSettings

_FEE = Bounds(0, 1)


@dataclass(frozen=True, slots=True)
class Bracket:
    """Maintenance bracket: smallest notional in quote, rate, and amount deducted in quote."""

    floor: float
    rate: float
    deducted: float = 0.0


@dataclass(frozen=True, slots=True)
class Execution:
    """How orders fill and what margin is behind them; by default at once, and nothing is liquidated.

    Parameters
    ----------
    participation
        Largest share of the last bar's volume that a market order fills within one bar, the rest stays open;
        0 has no cap.
    latency_ms
        Time between the decision's close and the fill; whole execution bars of it are waited for.
    brackets
        Maintenance margin by notional, lowest first; none liquidates nothing before nothing is left.
    leverage
        Isolated margin is the entry notional over this; 0 is cross margin.
    liquidation_fee
        Fraction of the notional.
    working_type
        Which price stops test: ``last`` or ``mark``. A liquidation always tests the mark, and a take-profit
        is a limit order, which the last price must trade through.

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
    working_type: str = "last"

    @classmethod
    def from_settings(cls, settings: ExecutionSettings) -> "Execution":
        """Take what the settings say; one bracket stands for all where a maintenance rate is given."""
        rate = settings.maintenance_rate
        return cls(
            settings.participation,
            settings.latency_ms,
            (Bracket(0.0, rate),) if rate > 0.0 else (),
            settings.leverage,
            working_type=settings.working_type,
        )

    def __post_init__(self) -> None:
        fault = _FEE.fault("liquidation_fee", self.liquidation_fee)
        for name in ("participation", "latency_ms", "leverage", "working_type"):
            fault = fault or bounds_of(f"execution.{name}").fault(name, getattr(self, name))
        if fault:
            raise ConfigurationError(fault)

    @property
    def tests_mark(self) -> bool:
        """Whether anything is decided by the mark price besides what funding is paid on."""
        return bool(self.brackets) or self.working_type == "mark"

    @property
    def margin(self) -> MarginTerms:
        """The same for compiled code."""
        rows = [[bracket.floor, bracket.rate, bracket.deducted] for bracket in self.brackets]
        return MarginTerms(np.array(rows).reshape(-1, 3), float(self.leverage), float(self.liquidation_fee))
