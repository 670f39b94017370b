"""The table of what may make a coin hot: one file each, one row here."""

from typing import Final

from quant_pipelines.hotlist.factor import Factor
from quant_pipelines.hotlist.factors.funding import FUNDING
from quant_pipelines.hotlist.factors.market_cap import MARKET_CAP
from quant_pipelines.hotlist.factors.momentum import MOMENTUM
from quant_pipelines.hotlist.factors.open_interest_change import OPEN_INTEREST_CHANGE
from quant_pipelines.hotlist.factors.regime_shift import REGIME_SHIFT
from quant_pipelines.hotlist.factors.strength import STRENGTH
from quant_pipelines.hotlist.factors.turnover import TURNOVER
from quant_pipelines.hotlist.factors.volatility_jump import VOLATILITY_JUMP
from quant_pipelines.hotlist.factors.volume_jump import VOLUME_JUMP
from quant_pipelines.hotlist.inputs import FactorInputs

FACTORS: Final[tuple[Factor, ...]] = (
    VOLATILITY_JUMP,
    TURNOVER,
    OPEN_INTEREST_CHANGE,
    FUNDING,
    REGIME_SHIFT,
    MOMENTUM,
    VOLUME_JUMP,
    STRENGTH,
    MARKET_CAP,
)
"""w1 to w5 of the formula first, then indicators, whose weight is 0 until a person gives them one."""
NAMES: Final = tuple(factor.name for factor in FACTORS)


def raw_factors(inputs: FactorInputs) -> dict[str, float]:
    """Compute the factors of one symbol; NaN where the data do not reach."""
    return {factor.name: factor.value(inputs) for factor in FACTORS}
