"""How often a position may be closed at once: an exit that came to nothing is tried again ever later."""

import asyncio

_PAUSE_SECONDS = (2.0, 60.0)


class Exits:
    """Paces the exits of one symbol."""

    def __init__(self) -> None:
        self._next_try = 0.0
        self._pause = _PAUSE_SECONDS[0]

    def may_try(self) -> bool:
        """Whether it is time for another exit; if so, the next one has to wait."""
        now = asyncio.get_running_loop().time()
        if now < self._next_try:
            return False
        self._next_try = now + self._pause
        self._pause = min(2 * self._pause, _PAUSE_SECONDS[1])
        return True

    def succeeded(self) -> None:
        """Forget earlier tries: nothing is held."""
        self._next_try, self._pause = 0.0, _PAUSE_SECONDS[0]
