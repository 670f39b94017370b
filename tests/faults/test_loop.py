"""Virtual time: as long as one likes, in order, and nothing real under it."""

import asyncio
import random
import socket
import threading

import pytest

from tests.faults.loop import NothingLeftToDoError, run_virtually


def test_a_day_passes_at_once_and_timers_fire_in_order() -> None:
    fired = list[tuple[str, float]]()

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        await asyncio.gather(wait("day", 86_400.0), wait("second", 1.0), wait("minute", 60.0))

    run_virtually(main(), random.Random(1))
    assert [name for name, _ in fired] == ["second", "minute", "day"]
    assert [at for _, at in fired] == pytest.approx([1.0, 60.0, 86_400.0])


@pytest.mark.parametrize("seed", [1, 2])
def test_threads_are_done_inline_and_told_within_50_ms_by_the_seed(seed: int) -> None:
    async def main() -> list[tuple[int, int, float]]:
        loop, thread = asyncio.get_running_loop(), threading.get_ident()
        told = []
        for number in range(5):
            begun, ran_in = loop.time(), await asyncio.to_thread(threading.get_ident)
            told.append((number, ran_in - thread, loop.time() - begun))
        return told

    first, again = (run_virtually(main(), random.Random(seed)) for _ in range(2))
    assert first == again
    assert all(not other and 0.0 <= late <= 0.051 for _, other, late in first)
    assert first != run_virtually(main(), random.Random(seed + 10))


def test_what_a_thread_raises_is_raised_where_it_is_awaited() -> None:
    async def main() -> None:
        await asyncio.to_thread(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        run_virtually(main(), random.Random(1))


def test_a_real_descriptor_is_an_error() -> None:
    async def main() -> None:
        with socket.socket() as one:
            one.setblocking(False)
            await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", 9))

    with pytest.raises(NotImplementedError):
        run_virtually(main(), random.Random(1))


def test_a_real_thread_is_an_error() -> None:
    raised = list[BaseException]()

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def speak() -> None:
            try:
                loop.call_soon_threadsafe(print)
            except RuntimeError as error:
                raised.append(error)

        thread = threading.Thread(target=speak)
        thread.start()
        thread.join()

    run_virtually(main(), random.Random(1))
    assert [str(error) for error in raised] == ["a real thread speaks to a virtual loop"]


def test_waiting_for_what_never_comes_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingLeftToDoError):
        run_virtually(main(), random.Random(1))
