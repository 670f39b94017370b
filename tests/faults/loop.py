"""An event loop whose time jumps to the next timer: minutes take no time, and are the same each time.

Nothing real may happen under it: it has no selector for descriptors, and a thread that speaks to it is an
error.
"""

import asyncio
import random
import threading
from asyncio import Future
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")

_LATEST_ANSWER_SECONDS = 0.05


class NothingLeftToDoError(RuntimeError):
    """Everybody waits for somebody, and no timer will wake anybody."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Loop in virtual time.

    Parameters
    ----------
    chance
        Decides how long the work of an executor takes: it is done at once, and told later.
    """

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._now = 0.0
        self._owner = threading.get_ident()
        self._selector = self
        self._clock_resolution = 1e-6  # a jump ends at its timer, whatever floats make of the sum

    def time(self) -> float:
        """Seconds since the loop was made, virtual."""
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """Jump to the next timer, as a selector waits for it."""
        if timeout is None:
            raise NothingLeftToDoError("nothing is ready and no timer is set")
        self._now += max(timeout, 0.0)
        return []

    def run_in_executor(  # type: ignore[override] - any executor is this thread
        self, _executor: Any, func: Callable[..., Any], *args: Any
    ) -> "Future[Any]":
        """Do the work now, inline, and deliver what came of it up to 50 ms later."""
        told: Future[Any] = self.create_future()
        try:
            deliver, value = told.set_result, func(*args)
        except StopIteration as error:
            raise RuntimeError("an executor's work can't end like that") from error
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            deliver, value = told.set_exception, error

        def tell() -> None:
            if not told.done():
                deliver(value)

        self.call_later(self._chance.uniform(0.0, _LATEST_ANSWER_SECONDS), tell)
        return told

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        if threading.get_ident() != self._owner:
            raise RuntimeError("a real thread speaks to a virtual loop")


def run_virtually(main: Coroutine[Any, Any, Answer], chance: random.Random) -> Answer:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(chance)) as runner:
        return runner.run(main)
