"""Waiting for what other processes do, with a deadline."""

import time
from collections.abc import Callable
from typing import Any, Protocol

LONGEST_SECONDS = 300.0
_MINUTE_SECONDS = 6.0
"""How long a skipped minute's trade is waited for, before the next minute is skipped."""


class Skips(Protocol):
    """Whoever skips minutes."""

    def skip_minute(self) -> None:
        """Go on shortly before the next minute's end."""


def wait_until(what: Callable[[], Any], seconds: float = LONGEST_SECONDS, *, is_needed: bool = True) -> None:
    """Return once something is so, or, where it is not needed, after so many seconds."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            if is_needed:
                raise TimeoutError(f"not within {seconds:.0f} s")
            return
        time.sleep(0.02)


def trade_until(trading: Skips, what: Callable[[], Any], seconds: float = LONGEST_SECONDS) -> None:
    """Let minutes end until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s")
        trading.skip_minute()
        wait_until(what, _MINUTE_SECONDS, is_needed=False)
