"""Several things at once, until the first of them ends."""

import asyncio

import pytest

from live_runner.ports.tasks import first_of


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
