"""Frozen settings values of how orders enter a position at a venue."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import setting


@dataclass(frozen=True, slots=True)
class EntrySettings:
    """Orders that open or add at a venue; what reduces a position goes at market always."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    order: str = setting(
        "market",
        "order that opens or adds at a venue; limit rests post-only at the best price and follows it",
        choices=("market", "limit"),
    )
    seconds: float = setting(
        30.0,
        "how long a limit order may take from when it is sent; the close of the next bar ends it too",
        low=1,
        high=3600,
    )
    interval_seconds: float = setting(
        2.0, "time between two looks at the best prices, and so between two moves", low=0.5, high=60
    )
    ticks: int = setting(
        1, "ticks by which the best price has left the order when it is moved", low=1, high=1000
    )
    moves: int = setting(10, "how often it is moved at most", low=0, high=1000)
    at_end: str = setting(
        "market",
        "what becomes of the rest when its time is over: sent at market, or canceled",
        choices=("market", "cancel"),
    )
