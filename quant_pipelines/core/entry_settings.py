"""Frozen settings values of how orders enter a position at a venue."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.orders import RestingKind
from quant_pipelines.core.setting_fields import setting


@dataclass(frozen=True, slots=True)
class EntrySettings:
    """Orders that open or add at a venue; what reduces a position goes at market always."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    order: str = setting(
        "market",
        "order that opens or adds at a venue; limit rests post-only at the best price and follows it, twap "
        "releases slices over its seconds, iceberg is a limit of which one slice shows at a time",
        choices=("market", "limit", "twap", "iceberg"),
    )
    seconds: float = setting(
        30.0,
        "how long any but a market order may take from when it is sent; the next bar's close ends it too",
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
    slices: int = setting(
        5,
        "equal parts of a twap or an iceberg, whole lots; fewer where one would be worth less than twice the "
        "venue's smallest order",
        low=2,
        high=100,
    )
    slice_order: str = setting(
        "market",
        "slice of a twap: sent at market, or a limit that follows the best price until the next one is due",
        choices=("market", "limit"),
    )

    @property
    def kind(self) -> RestingKind:
        """Kind of its orders at the venue."""
        rests = self.order in ("limit", "iceberg") or (self.order == "twap" and self.slice_order == "limit")
        return "limit" if rests else "market"

    @property
    def n_parts(self) -> int:
        """How many parts are wanted."""
        return self.slices if self.order in ("twap", "iceberg") else 1


def entry_fault(entry: EntrySettings, prefix: str = "") -> str:
    """Sentence on values that can't work together; empty where they can.

    Examples
    --------
    >>> entry_fault(EntrySettings(order="twap", seconds=5.0))
    'slices is 5 within 5 seconds; expected one in 2 seconds (interval_seconds) at most, so 2 slices or fewer'
    """
    most = max(1, int(entry.seconds / entry.interval_seconds))
    if entry.order != "twap" or entry.slices <= most:
        return ""
    return (
        f"{prefix}slices is {entry.slices} within {entry.seconds:g} seconds; expected one in "
        f"{entry.interval_seconds:g} seconds (interval_seconds) at most, so {most} slices or fewer"
    )
