"""Slots of funding payments: their stamps floored to the hour, and in UTC."""

import re

import numpy as np

from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.archive.market_names import named_step_ms
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS

_SLACK_MS = 5 * MINUTE_MS  # an exchange stamps a payment some milliseconds after its slot
_DAY_HOURS = 24
_HOURS = re.compile(r"\d+")


def at_slots(content: Content) -> Content:
    """Payments at their slots.

    Raises
    ------
    DataError
        If one is not at a full hour.
    """
    slots: IntArray = content.ts // HOUR_MS * HOUR_MS
    late = np.flatnonzero(content.ts - slots > _SLACK_MS)
    for index in late:
        expected = "a payment at a full hour of UTC, or --zone, such as +05:30, where times have none"
        raise content.origin.fault("ts", content.ts[index], int(index), expected)
    return content.with_columns(ts=slots)


def check_zone(content: Content) -> None:
    """Prove that payments without a zone are at slots of UTC: every 8 hours is 00, 08 and 16 o'clock.

    Raises
    ------
    DataError
        If all are beside them by the same hours.
    """
    distances = np.diff(np.sort(content.ts))
    interval = named_step_ms(content.interval) or (int(distances.min()) if distances.size else 0)
    if interval <= 0 or interval % HOUR_MS or _DAY_HOURS * HOUR_MS % interval:
        return
    offsets = np.unique(content.ts % interval)
    if offsets.size == 1 and offsets[0]:
        hours = sorted({int(hour) for hour in content.ts // HOUR_MS % _DAY_HOURS})
        raise DataError(
            f"{content.origin}: its payments are at {', '.join(f'{hour:02d}' for hour in hours)} o'clock, "
            f"which are no slots of {interval // HOUR_MS} h of UTC; expected --zone, such as +02:00"
        )
