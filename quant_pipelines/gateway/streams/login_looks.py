"""Whether logins still count: the streams of one login share a look at it."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool

SHARED_SECONDS: Final = 1.0


class _Look(NamedTuple):
    begun: float
    is_out: "asyncio.Future[bool]"


class LoginLooks:
    """Looks of the last second, by login.

    Parameters
    ----------
    seconds
        Monotonic time.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._looks: dict[int, _Look] = {}

    async def is_out(self, login_id: int, look: Callable[[], bool]) -> bool:
        """Whether a login has ended, as of now or of a second ago; ``look`` asks the database for it."""
        now = self._seconds()
        self._looks = {key: one for key, one in self._looks.items() if now - one.begun < SHARED_SECONDS}
        if login_id not in self._looks:
            asked = asyncio.ensure_future(run_in_threadpool(look))
            self._looks[login_id] = _Look(now, asked)
        return await asyncio.shield(
            self._looks[login_id].is_out
        )  # who leaves takes no answer from the others
