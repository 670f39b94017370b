"""How often something is tried that may come to nothing: at once, then ever later."""

import asyncio

_PAUSE_SECONDS = (2.0, 60.0)


class Tries:
    """Paces one thing that is tried for one symbol, such as closing its position."""

    def __init__(self) -> None:
        self._next_try = 0.0
        self._pause = _PAUSE_SECONDS[0]

    def may_try(self) -> bool:
        """Whether it is time for another try; if so, the next one has to wait."""
        now = asyncio.get_running_loop().time()
        if now < self._next_try:
            return False
        self._next_try = now + self._pause
        self._pause = min(2 * self._pause, _PAUSE_SECONDS[1])
        return True

    def succeeded(self) -> None:
        """Forget earlier tries: it is done, or something else is wanted."""
        self._next_try, self._pause = 0.0, _PAUSE_SECONDS[0]
