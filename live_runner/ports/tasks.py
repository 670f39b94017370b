"""Several things at once, until the first of them ends; and how long one takes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

_AGAIN_SECONDS = 5.0
"""How long what was canceled may take to end, before it is canceled again."""


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
