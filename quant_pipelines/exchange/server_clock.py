"""The exchange's time between two answers of its own, never ahead of its clock."""

import asyncio
from collections.abc import Callable

from quant_pipelines.core.clock import Clock

_VALID_SECONDS = 600.0
_LARGEST_SKIP_SECONDS = 1.0


def loop_seconds() -> float:
    """Seconds by the running loop's own clock."""
    return asyncio.get_running_loop().time()


class ServerClock:
    """What the exchange said last, plus what has passed here since.

    The answer was written before it reached us, so the sum is never later than the exchange's own time, and a
    bar that ended before it is closed.

    Parameters
    ----------
    clock
        Our wall clock; when it and the monotonic one disagree (sleep, a set clock), the time is asked again.
    monotonic
        Seconds that never jump: those of the loop, on which everything here waits.
    """

    def __init__(self, clock: Clock, *, monotonic: Callable[[], float] = loop_seconds) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._server_ms: int | None = None
        self._wall_ms = 0
        self._read_at = 0.0

    def set(self, server_ms: int) -> None:
        """Take what the exchange just said."""
        self._server_ms, self._wall_ms, self._read_at = server_ms, self._clock(), self._monotonic()

    def doubt(self) -> None:
        """Build on the last answer no more: the exchange has refused a stamp."""
        self._server_ms = None

    def is_valid(self) -> bool:
        """Whether the last answer can still be built upon."""
        passed = self._monotonic() - self._read_at
        skipped = abs((self._clock() - self._wall_ms) / 1000 - passed)
        return self._server_ms is not None and passed < _VALID_SECONDS and skipped < _LARGEST_SKIP_SECONDS

    def now_ms(self) -> int:
        """Exchange's time, milliseconds UTC, not later than it truly is."""
        assert self._server_ms is not None, "the exchange has not been asked for its time"  # noqa: S101
        return self._server_ms + int((self._monotonic() - self._read_at) * 1000)
