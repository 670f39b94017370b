"""Reads of an account: asked again at once where an answer was lost, and not where it was no."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from quant_pipelines.core.errors import ExchangeRefused, ExchangeUnavailable
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from tests.faults.loop import run_virtually

REFUSAL = '{"code":-1121,"msg":"Invalid symbol."}'
TIME = '{"serverTime": 4711}'


class Lossy:
    """A session that loses the first answers, each after some seconds."""

    def __init__(self, n_lost: int, *, seconds: float = 0.01, body: str = TIME, status: int = 200) -> None:
        self._left, self._seconds, self._body, self._status = n_lost, seconds, body, status
        self.n_asked, self.headers = 0, dict[str, str]()

    @asynccontextmanager
    async def get(self, _url: Any, **_more: Any) -> AsyncIterator[Any]:
        self.n_asked += 1
        await asyncio.sleep(self._seconds)
        if self.n_asked <= self._left:
            raise aiohttp.ServerDisconnectedError
        yield SimpleNamespace(status=self._status, reason="", headers={}, text=self._text)

    async def _text(self, **_more: Any) -> str:
        return self._body

    async def close(self) -> None:
        return None


def asked(session: Lossy) -> int:
    """The venue's time, as an account reads it."""

    async def ask() -> int:
        place = ExchangeSettings(base_url="http://venue.invalid")
        async with CcxtOrders(place, "", "", clock=lambda: 0, open_session=lambda: session) as orders:
            return await orders.now_ms()

    return run_virtually(ask(), random.Random(1))  # noqa: S311 - a seed


@pytest.mark.parametrize("n_lost", [0, 1, 2])
def test_a_read_whose_answer_was_lost_is_asked_again(n_lost: int) -> None:
    session = Lossy(n_lost)
    assert asked(session) == 4711
    assert session.n_asked == n_lost + 1


@pytest.mark.parametrize(("seconds", "n_asked"), [(0.01, 3), (1.5, 3)])
def test_a_venue_that_loses_all_or_is_slow_is_away(seconds: float, n_asked: int) -> None:
    session = Lossy(9, seconds=seconds)
    with pytest.raises(ExchangeUnavailable):
        asked(session)
    assert session.n_asked == n_asked


def test_an_answer_that_does_not_come_is_asked_for_again_and_waited_for_longer() -> None:
    session = Lossy(0, seconds=1.5)

    async def ask() -> float:
        place = ExchangeSettings(base_url="http://venue.invalid")
        async with CcxtOrders(place, "", "", clock=lambda: 0, open_session=lambda: session) as orders:
            assert await orders.now_ms() == 4711
        return asyncio.get_running_loop().time()

    assert run_virtually(ask(), random.Random(1)) == pytest.approx(3.5)  # noqa: S311 - a seed
    assert session.n_asked == 3


class Hangs(Lossy):
    """Does not answer the first requests for a minute, or until whoever asks gives up; then answers."""

    @asynccontextmanager
    async def get(self, url: Any, **more: Any) -> AsyncIterator[Any]:
        self._seconds = 60.0 if self.n_asked < self._left else 0.01
        self._left, left = 0, self._left
        try:
            async with asyncio.timeout(more["timeout"].total), super().get(url, **more) as answer:
                yield answer
        finally:
            self._left = left


@pytest.mark.parametrize(("n_lost", "seconds"), [(0, 0.01), (1, 1.01), (2, 2.01), (3, 7.0), (9, 7.0)])
def test_answers_that_are_lost_one_after_the_other_cost_a_second_each_and_the_last_try_five(
    n_lost: int, seconds: float
) -> None:
    session = Hangs(n_lost)

    async def ask() -> float:
        place = ExchangeSettings(base_url="http://venue.invalid")
        async with CcxtOrders(place, "", "", clock=lambda: 0, open_session=lambda: session) as orders:
            with suppress(ExchangeUnavailable):
                await orders.now_ms()
            return asyncio.get_running_loop().time()

    assert run_virtually(ask(), random.Random(1)) == pytest.approx(seconds)  # noqa: S311 - a seed


class BreaksThenHangs(Lossy):
    """Breaks off at once, then does not answer for a minute, then answers."""

    @asynccontextmanager
    async def get(self, url: Any, **more: Any) -> AsyncIterator[Any]:
        if self.n_asked == 1:
            self._seconds = 60.0
        elif self.n_asked == 2:
            self._seconds = 0.01
        async with super().get(url, **more) as answer:
            yield answer


def test_an_answer_that_does_not_come_behind_a_broken_one_is_waited_for_no_longer_than_the_first() -> None:
    session = BreaksThenHangs(1)

    async def ask() -> float:
        place = ExchangeSettings(base_url="http://venue.invalid")
        async with CcxtOrders(place, "", "", clock=lambda: 0, open_session=lambda: session) as orders:
            assert await orders.now_ms() == 4711
        return asyncio.get_running_loop().time()

    assert run_virtually(ask(), random.Random(1)) == pytest.approx(0.01 + 0.05 + 1.0 + 0.01)  # noqa: S311 - a seed
    assert session.n_asked == 3


def test_a_refusal_is_an_answer() -> None:
    session = Lossy(0, body=REFUSAL, status=400)
    with pytest.raises(ExchangeRefused):
        asked(session)
    assert session.n_asked == 1
