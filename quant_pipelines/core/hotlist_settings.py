"""Settings of the hot-coin score."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import setting

_MOST = 10**15


@dataclass(frozen=True, slots=True)
class HotListSettings:
    """Weights of S = w1*VolJump + w2*Turnover + w3*OIDelta + w4*FundingZ + w5*RegimeShift, and filters.

    A weight holds until a person or measured usefulness says another; whatever else has a row in the table of
    factors begins with the weight that stands there.
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    volatility_jump_weight: float = setting(0.30, "w1", low=0, high=1000)
    turnover_weight: float = setting(0.25, "w2", low=0, high=1000)
    open_interest_change_weight: float = setting(0.20, "w3", low=0, high=1000)
    funding_weight: float = setting(0.10, "w4", low=0, high=1000)
    regime_shift_weight: float = setting(0.15, "w5", low=0, high=1000)
    top_n: int = setting(5, "symbols on the hot list", low=1, high=10_000)
    winsor_z: float = setting(3.0, "robust z scores are cut at this many deviations", low=0.5, high=100)
    least_volume: float = setting(
        1_000_000.0,
        "a symbol of which less was traded in the last 24 hours, quote, is not scored",
        low=0,
        high=_MOST,
    )
    least_age_days: float = setting(
        7.0, "a symbol that was listed fewer days ago is not scored", low=0, high=36_500
    )
    largest_smallest_order: float = setting(
        200.0, "a symbol whose smallest order costs more, quote, is not scored", low=0, high=_MOST
    )
    weight_span: float = setting(
        2.0,
        "measured usefulness moves a weight between what was set / this and what was set * this; 1 leaves it",
        low=1,
        high=100,
    )
    weight_step: float = setting(
        0.1, "largest move of a weight a day, as a fraction of what it was", low=0, high=1
    )
    usefulness_days: int = setting(180, "days of scores whose usefulness is measured", low=1, high=3650)
    usefulness_horizon: str = setting(
        "24h",
        "how far ahead usefulness is measured that moves weights",
        choices=("1h", "4h", "12h", "24h", "72h", "168h"),
    )
