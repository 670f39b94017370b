"""The machine's clock and what a test skips of it, so that nobody waits for a minute's end."""

from collections.abc import Callable

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.timeframes import MINUTE_MS

_REST_MS = 1_500
"""What is left of a skipped minute: streams and deployments are still heard of before its end."""


class SkippedTime:
    """Clock of a venue and of everybody who trades there.

    Parameters
    ----------
    tell
        Tells another process how many milliseconds the clock is ahead of the machine's.
    """

    def __init__(self, tell: Callable[[int], None] = lambda _ahead_ms: None) -> None:
        self._tell = tell
        self.ahead_ms = 0

    def __call__(self) -> int:
        return system_clock_ms() + self.ahead_ms

    def skip_minute(self) -> None:
        """Go on shortly before the next minute's end that is further away than that."""
        self.ahead_ms += MINUTE_MS - (self() + _REST_MS) % MINUTE_MS
        self._tell(self.ahead_ms)
