"""Pages of events: each way that an exchange can lay them out ends in the same list."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.series import Window
from quant_pipelines.exchange.dialects import Pages
from quant_pipelines.exchange.paging import by_number, by_time, on_grid


class Event(NamedTuple):
    """Something at a time, with a name."""

    ts: int
    name: str


def events(*times: int) -> list[Event]:
    return [Event(ts, f"{ts}-{number}") for number, ts in enumerate(times)]


class Exchange:
    """Tells events page by page, and counts how often it is asked."""

    def __init__(self, told: list[Event], pages: Pages) -> None:
        self.told = sorted(told)
        self.pages = pages
        self.asked = 0

    async def ask(self, start: int, end: int) -> Sequence[Event]:
        self.asked += 1
        assert self.asked < 500, "asked without end"
        rows = [one for one in self.told if start <= one.ts < end]
        limit = self.pages.limit
        return rows[:limit] if self.pages.direction == "forward" else rows[-limit:][::-1]

    def all(self, start: int, end: int) -> list[Event]:
        return asyncio.run(
            by_time(self.ask, lambda one: one.ts, lambda one: one.name, Window(start, end), self.pages)
        )


@pytest.mark.parametrize("direction", ["forward", "backward"])
@given(times=st.lists(st.integers(0, 200), max_size=60), longest=st.sampled_from([None, 7, 50]))
def test_every_event_is_told_once(direction: str, times: list[int], longest: int | None) -> None:
    crowd = max((times.count(ts) for ts in times), default=0)
    exchange = Exchange(events(*times), Pages(crowd + 2, longest_ms=longest, direction=direction))
    assert sorted(exchange.all(10, 150)) == sorted(one for one in exchange.told if 10 <= one.ts < 150)


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_more_events_in_one_moment_than_a_page_holds_do_not_stop_the_rest(direction: str) -> None:
    exchange = Exchange(events(1, 5, 5, 5, 5, 5, 9), Pages(3, direction=direction))
    found = exchange.all(0, 10)
    assert {one.ts for one in found} == {1, 5, 9}
    assert len({one.name for one in found}) == len(found) >= 5


def test_numbered_pages_are_read_until_one_reaches_far_enough_back() -> None:
    told, asked = events(*range(100)), []

    async def ask(number: int) -> Sequence[Event]:
        asked.append(number)
        return told[::-1][(number - 1) * 10 : number * 10]

    found = asyncio.run(by_number(ask, lambda one: one.ts, 65, 10))
    assert (asked, min(one.ts for one in found)) == ([1, 2, 3, 4], 60)


def test_rows_that_are_missing_inside_a_page_are_asked_for_once_only() -> None:
    asked = []

    async def ask(start: int, end: int) -> Sequence[Event]:
        asked.append((start, end))
        return [one for one in events(0, 10, 40, 50, 90) if start <= one.ts < end]

    found = asyncio.run(on_grid(ask, lambda one: one.ts, window=Window(0, 100), step_ms=10, pages=Pages(10)))
    assert (sorted(found), asked) == ([0, 10, 40, 50, 90], [(0, 100)])


def test_a_page_that_ends_early_is_asked_for_its_rest() -> None:
    exchange = Exchange(events(*range(0, 100, 10)), Pages(3))
    found = asyncio.run(
        on_grid(exchange.ask, lambda one: one.ts, window=Window(0, 100), step_ms=10, pages=Pages(10))
    )
    assert sorted(found) == list(range(0, 100, 10))
