"""What waits for its confirmation: one act of each person, for a minute, for one try."""

import secrets
from collections.abc import Callable
from typing import Final, NamedTuple

from quant_pipelines.core.clock import Clock
from quant_pipelines.telegram.commands import TighteningAct


def four_digits() -> str:
    """Four digits that nobody can guess."""
    return f"{secrets.randbelow(10_000):04d}"


class _Pending(NamedTuple):
    act: TighteningAct
    code: str
    ends_ms: int


class Confirmations:
    """Keeps what was asked for until it is confirmed; nothing of it outlives the process.

    Parameters
    ----------
    seconds
        How long an act waits.
    clock
        This machine's time.
    make_code
        Makes the codes.
    """

    def __init__(self, seconds: float, clock: Clock, make_code: Callable[[], str] = four_digits) -> None:
        self._milliseconds: Final = int(seconds * 1000)
        self._clock = clock
        self._make_code = make_code
        self._pending: dict[int, _Pending] = {}

    def ask(self, sender: int, act: TighteningAct) -> str:
        """Note what somebody asks for, in place of what waited, and return its code."""
        code = self._make_code()
        self._pending[sender] = _Pending(act, code, self._clock() + self._milliseconds)
        return code

    def take(self, sender: int, code: str) -> TighteningAct | str:
        """Take what a code confirms; a sentence where it confirms nothing. A wrong code ends the act too."""
        pending = self._pending.pop(sender, None)
        if pending is None:
            return "nothing of yours waits for a confirmation; ask for it first"
        if self._clock() > pending.ends_ms:
            seconds = self._milliseconds // 1000
            return f"that came later than {seconds} s; nothing was done: /{pending.act.what} asks anew"
        if not secrets.compare_digest(code, pending.code):
            return f"that is not the code; nothing was done: /{pending.act.what} asks anew"
        return pending.act
