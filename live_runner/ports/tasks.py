"""Several things at once: until the first of them ends, or all have; and how long one takes."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

_AGAIN_SECONDS = 5.0
"""How long what was canceled may take to end, before it is canceled again."""

_log = logging.getLogger(__name__)


async def first_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Run all until the first one ends, end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_all(*tasks)
    for task in tasks:  # not ``done``: a set of them has another order in each process
        if task in done:
            task.result()


async def end_all(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks until all have ended, whatever they raise.

    Before Python 3.12 `asyncio.wait_for`, by which libraries connect, loses a cancellation that comes in the
    step in which what it waits for ends: such a task would go on, and whoever waits for its end for ever.
    """
    waited = asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.cancel()
    while not (await asyncio.wait((waited,), timeout=_AGAIN_SECONDS))[0]:
        for task in tasks:
            task.cancel()


async def clear_up(what: str, *parts: Awaitable[object]) -> None:
    """Do every part of a clean-up, whichever fails, and log what failed: who leaves can mend nothing.

    What ends a process, or cancels its tasks, is raised once all parts have ended.
    """
    for failure in await asyncio.gather(*parts, return_exceptions=True):
        if isinstance(failure, Exception):
            _log.error("not cleared up", extra={"part": what, "error": repr(failure)}, exc_info=failure)
        elif isinstance(failure, BaseException):
            raise failure


async def seconds_until(coroutine: Coroutine[Any, Any, Any]) -> int:
    """Run it to its end, and raise what it raised; whole seconds that this process worked meanwhile.

    A process that was itself stopped counts none: it knows nothing of what it waited for.
    """
    task, n_seconds = asyncio.ensure_future(coroutine), 0
    try:
        while not (await asyncio.wait((task,), timeout=1.0))[0]:
            n_seconds += 1
    finally:
        await end_all(task)
    task.result()
    return n_seconds
