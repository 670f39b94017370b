"""The one place that asks what time it is."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

from quant_pipelines.core.timeframes import from_ms

Clock: TypeAlias = Callable[[], int]
"""Milliseconds since the epoch, UTC; passed in wherever a decision needs the time."""


def system_clock_ms() -> int:
    """Milliseconds since the epoch by the machine's clock."""
    return time.time_ns() // 1_000_000


def utc_now() -> datetime:
    """Aware UTC datetime by the machine's clock, to the microsecond."""
    return datetime.fromtimestamp(time.time_ns() / 1e9, tz=UTC)


def clock_time(clock: Clock) -> datetime:
    """Aware UTC datetime of a clock."""
    return from_ms(clock())
