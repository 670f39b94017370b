"""Several things at once, until the first of them ends."""

import asyncio
import random
from contextlib import suppress

import pytest

from live_runner.ports.tasks import end_all, first_of
from tests.faults.loop import run_virtually


@pytest.mark.parametrize("names", [("a", "b", "c"), ("c", "b", "a")])
def test_of_tasks_that_fail_together_the_first_one_named_is_raised(names: tuple[str, ...]) -> None:
    async def fail(name: str, ballast: list[object]) -> None:
        ballast.append(object())
        raise RuntimeError(name)

    async def run() -> None:
        await first_of(*(fail(name, []) for name in names))

    for _ in range(20):  # addresses differ from time to time
        with pytest.raises(RuntimeError, match=f"^{names[0]}$"):
            asyncio.run(run())


def test_what_has_not_ended_is_canceled() -> None:
    ended = list[str]()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waiting")

    asyncio.run(first_of(asyncio.sleep(0.01), wait()))
    assert ended == ["waiting"]


async def lose_a_cancellation() -> None:
    """Go on behind the first one, as a library's ``asyncio.wait_for`` does that just had its answer."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


def test_a_task_that_loses_a_cancellation_is_canceled_again() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(lose_a_cancellation())
        await asyncio.sleep(0.0)
        async with asyncio.timeout(60.0):
            await end_all(task)
        assert task.cancelled()

    run_virtually(scenario(), random.Random(1))  # noqa: S311


def test_one_that_loses_a_cancellation_keeps_nobody_from_hearing_who_ended_first() -> None:
    async def fail() -> None:
        await asyncio.sleep(0.1)
        raise RuntimeError("over")

    async def scenario() -> None:
        async with asyncio.timeout(60.0):
            await first_of(lose_a_cancellation(), fail())

    with pytest.raises(RuntimeError, match="over"):
        run_virtually(scenario(), random.Random(1))  # noqa: S311


def test_a_task_that_failed_while_it_was_ended_is_nobodys_fault() -> None:
    async def fail_at_the_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("over")

    async def scenario() -> None:
        task = asyncio.create_task(fail_at_the_end())
        await asyncio.sleep(0.0)
        await end_all(task)

    run_virtually(scenario(), random.Random(1))  # noqa: S311
