"""No discretionary order around a funding slot: prices and books jump there, and a fill may pay for hours."""

from typing import NamedTuple

from quant_pipelines.core.timeframes import HOUR_MS, floor_ms, from_ms


class FundingPause(NamedTuple):
    """Pause around each funding slot.

    Parameters
    ----------
    interval_hours
        Hours between two slots, counted from 00:00 UTC; 0 where there are none.
    seconds
        How long before and after a slot; 0 is no pause.

    Examples
    --------
    >>> slot, pause = 8 * 3_600_000, FundingPause(interval_hours=8, seconds=15.0)
    >>> [pause.until_ms(slot + second * 1000) - slot for second in (-15, 1, 14)]
    [15000, 15000, 15000]
    >>> [pause.until_ms(slot + second * 1000) for second in (-16, 15, 3600)]
    [0, 0, 0]
    >>> pause.reason(slot)
    'a funding slot at 08:00 UTC is less than 15 s away'
    """

    interval_hours: int = 0
    seconds: float = 0.0

    def until_ms(self, now_ms: int) -> int:
        """End of the pause that a time (the venue's, milliseconds UTC) lies in; 0 outside of any."""
        if self.interval_hours <= 0:
            return 0
        pause_ms = int(1000 * self.seconds)
        slot_ms = floor_ms(now_ms + pause_ms, self.interval_hours * HOUR_MS)
        return slot_ms + pause_ms if now_ms < slot_ms + pause_ms else 0

    def meets(self, first_ms: int, last_ms: int) -> bool:
        """Whether any moment between two times, both included, lies in a pause.

        Examples
        --------
        >>> slot, pause = 8 * 3_600_000, FundingPause(interval_hours=8, seconds=2.0)
        >>> seconds = ((-9, -3), (-4, 6), (2, 9))
        >>> [pause.meets(slot + 1000 * first, slot + 1000 * last) for first, last in seconds]
        [False, True, False]
        >>> FundingPause(interval_hours=8).meets(slot - 1000, slot + 1000)
        False
        """
        pause_ms, step_ms = int(1000 * self.seconds), self.interval_hours * HOUR_MS
        if step_ms <= 0 or not pause_ms:
            return False
        has_begun = floor_ms(last_ms + pause_ms, step_ms) > floor_ms(first_ms + pause_ms, step_ms)
        return has_begun or bool(self.until_ms(first_ms))

    def reason(self, now_ms: int) -> str:
        """Why a decision waits then, as one clause; empty outside of any pause."""
        until_ms = self.until_ms(now_ms)
        if not until_ms:
            return ""
        slot = from_ms(until_ms - int(1000 * self.seconds))
        return f"a funding slot at {slot:%H:%M} UTC is less than {self.seconds:g} s away"
