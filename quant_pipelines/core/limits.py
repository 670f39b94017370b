"""Limits in force, by name: those that settings seed, and the quotas that only operators set."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from quant_pipelines.core.setting import setting
from quant_pipelines.core.settings import RiskSettings

_SETTINGS = {field.name: field for field in dataclasses.fields(RiskSettings)}


def _seeded(name: str) -> Any:
    return dataclasses.field(default=math.inf, metadata=_SETTINGS[name].metadata)


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits of one book; infinite is no limit. Each field carries its description, unit and range."""

    max_position_fraction: float = _seeded("max_position_fraction")
    max_leverage: float = _seeded("max_leverage")
    max_daily_loss_fraction: float = _seeded("max_daily_loss_fraction")
    max_data_age_seconds: float = _seeded("max_data_age_seconds")
    max_position_notional: float = setting(math.inf, "largest position notional in quote", low=0)
    max_position_quantity: float = setting(math.inf, "largest position in base", low=0)
    max_orders_per_day: float = setting(
        math.inf, "orders decided in a UTC day, after which no exposure is added", low=0
    )

    @classmethod
    def from_settings(cls, settings: RiskSettings) -> "RiskLimits":
        """Limits as the settings have them; quotas are not among them."""
        return cls(**dataclasses.asdict(settings))

    @property
    def given(self) -> dict[str, float]:
        """Limits that are limits, by name."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value != math.inf}


NO_LIMITS = RiskLimits()
LIMITS = {field.name: field for field in dataclasses.fields(RiskLimits)}
"""Limits by name, with their descriptions and ranges."""
QUOTAS = tuple(name for name in LIMITS if name not in _SETTINGS)
"""Limits that no setting has."""
