"""Several things at once, until the first of them ends; and how long one takes."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_of(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Run all until the first one ends, end the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:  # not ``done``: a set of them has another order in each process
        if task in done:
            task.result()


async def seconds_until(coroutine: Coroutine[Any, Any, Any]) -> int:
    """Run it to its end, and raise what it raised; whole seconds that this process worked meanwhile.

    A process that was itself stopped counts none: it knows nothing of what it waited for.
    """
    task, n_seconds = asyncio.ensure_future(coroutine), 0
    try:
        while not (await asyncio.wait((task,), timeout=1.0))[0]:
            n_seconds += 1
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    task.result()
    return n_seconds
