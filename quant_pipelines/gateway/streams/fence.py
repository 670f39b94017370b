"""Up to which number every row is there: numbers are given out in order and committed in any."""

from collections.abc import Sequence
from typing import Final

PATIENCE_SECONDS: Final = 1.0
"""How long a number that was given out is waited for; one of a transaction that was undone never comes."""


class Fence:
    """Highest number below which nothing is missing that may still come.

    Parameters
    ----------
    start
        Number up to which nobody waits.
    """

    def __init__(self, start: int) -> None:
        self.up_to = start
        self._missed_since: dict[int, float] = {}

    def advance(self, seen: Sequence[int], now: float) -> int:
        """Move it by the numbers above it that are there, in order; monotonic seconds."""
        known = self.up_to
        for number in seen:
            if number > known + 1:
                since = self._missed_since.setdefault(known, now)
                if now - since < PATIENCE_SECONDS:
                    self._note_others(seen, number, now)
                    break
            known = number
        self._missed_since = {gap: since for gap, since in self._missed_since.items() if gap >= known}
        self.up_to = known
        return known

    def _note_others(self, seen: Sequence[int], start: int, now: float) -> None:
        """Let the waiting for later gaps begin now, too: they are not waited for one after another."""
        known = start
        for number in (one for one in seen if one > start):
            if number > known + 1:
                self._missed_since.setdefault(known, now)
            known = number
