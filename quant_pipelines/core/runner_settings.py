"""Frozen settings values of the live runner."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.entry_settings import EntrySettings
from quant_pipelines.core.setting_fields import name_setting, setting


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """The live runner."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    deployment_poll_seconds: float = setting(2.0, "how often deployments are read again", low=0.1, high=3600)
    heartbeat_seconds: float = setting(5.0, "how often the heartbeat row is written", low=0.1, high=3600)
    bar_grace_seconds: float = setting(
        1.0,
        "how long after a minute's end a bar is taken only if stream and exchange agree on it; "
        "then the exchange's word is taken",
        low=0,
        high=30,
    )
    mode: str = setting(
        "paper",
        "live lets canary and live deployments send orders to a real exchange, once that is approved; "
        "a simulated venue takes orders in both modes",
        choices=("paper", "live"),
    )
    reconcile_seconds: float = setting(
        5.0, "how often orders, trades and positions are compared with the venue", low=0.5, high=60
    )
    leverage: int = setting(5, "leverage that is set at the venue for each traded symbol", low=1, high=125)
    entry: EntrySettings = setting(EntrySettings(), "orders that open or add at a venue")
    funding_pause_seconds: float = setting(
        15.0, "no order of a strategy goes to a venue so long before and after a funding slot", low=0, high=25
    )
    breaker_cooldown_minutes: float = setting(
        60.0, "time before a person may re-arm a breaker that loss or margin tripped", low=0, high=10_080
    )
    restricted_symbols: tuple[str, ...] = name_setting(
        (), "symbols in which the runner opens nothing; what is held may be closed", "symbol"
    )
    delisting_hours: float = setting(
        24.0,
        "time before an exchange ends a contract, in which nothing opens and what is held is closed",
        low=0,
        high=720,
    )
    decision_seconds: float = setting(
        5.0,
        "a strategy that has not answered by then misses the bar, and its process is ended",
        low=0.1,
        high=50,
    )
    sandbox_megabytes: int = setting(
        2048,
        "address space of the process in which strategies decide; compiled code alone maps one gigabyte",
        low=1536,
        high=1_048_576,
    )
    disaster_stop_fraction: float = setting(
        0.10,
        "distance from the entry price of the venue's stop where a strategy has no hard stop",
        low=0.001,
        high=0.9,
    )
    liquidation_buffer: float = setting(
        0.02,
        "fraction of the venue's liquidation price by which a stop must come before it",
        low=0.001,
        high=0.2,
    )
    flatten_collar_fraction: float = setting(
        0.005, "distance from the mark within which a closing order is filled first", low=0.0005, high=0.05
    )
    flatten_widest_fraction: float = setting(
        0.04, "widest distance from the mark before a closing order is a market order", low=0.001, high=0.2
    )
    flatten_collar_factor: float = setting(
        2.0, "by what that distance is multiplied after an order that left something", low=1.1, high=10
    )
