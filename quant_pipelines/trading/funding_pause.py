"""No discretionary order around a funding slot: prices and books jump there, and a fill may pay for hours."""

from quant_pipelines.core.timeframes import HOUR_MS, floor_ms, from_ms


def pause_until_ms(now_ms: int, *, interval_hours: int, pause_seconds: float) -> int:
    """End of the pause that a time lies in, milliseconds UTC; 0 outside of any.

    Parameters
    ----------
    now_ms
        The venue's time, milliseconds UTC.
    interval_hours
        Hours between two slots, counted from 00:00 UTC.
    pause_seconds
        How long before and after a slot; 0 is no pause.

    Examples
    --------
    >>> slot = 8 * 3_600_000
    >>> [pause_until_ms(slot + s * 1000, interval_hours=8, pause_seconds=15.0) - slot for s in (-15, 1, 14)]
    [15000, 15000, 15000]
    >>> [pause_until_ms(slot + s * 1000, interval_hours=8, pause_seconds=15.0) for s in (-16, 15, 3600)]
    [0, 0, 0]
    """
    if interval_hours <= 0:
        return 0
    pause_ms, step_ms = int(1000 * pause_seconds), interval_hours * HOUR_MS
    slot_ms = floor_ms(now_ms + pause_ms, step_ms)
    return slot_ms + pause_ms if now_ms < slot_ms + pause_ms else 0


def pause_sentence(until_ms: int, pause_seconds: float) -> str:
    """Return why a decision waits, as one clause."""
    slot = from_ms(until_ms - int(1000 * pause_seconds))
    return f"a funding slot at {slot:%H:%M} UTC is less than {pause_seconds:g} s away"
