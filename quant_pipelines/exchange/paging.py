"""Lists fetched page by page; a page may be short, duplicated, unordered, or end in what is not asked for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from quant_pipelines.core.series import Window
from quant_pipelines.exchange.dialects import Pages

logger = logging.getLogger(__name__)
Row = TypeVar("Row")
Ask = Callable[[int, int], Awaitable[Sequence[Row]]]
AskNumber = Callable[[int], Awaitable[Sequence[Row]]]


async def on_grid(
    ask: Ask[Row], ts_of: Callable[[Row], int], *, window: Window, step_ms: int, pages: Pages
) -> dict[int, Row]:
    """Rows on a grid of a window by time, each page's end checked.

    A page that stops short of an end of its window is asked for the rest until nothing new comes: rows that
    are missing *inside* a page are missing at the exchange.

    Parameters
    ----------
    ask
        Rows of a window, as the exchange gives them.
    ts_of
        Time of a row, milliseconds UTC.
    window, step_ms
        The grid, on which the window starts.
    pages
        Size of a page.
    """
    width = pages.limit * step_ms
    windows = [(start, min(start + width, window.end_ms)) for start in range(*window, width)]
    found = await asyncio.gather(*(_whole(ask, ts_of, start, end, step_ms) for start, end in windows))
    return {ts: row for page in found for ts, row in page.items()}


async def _whole(
    ask: Ask[Row], ts_of: Callable[[Row], int], start: int, end: int, step_ms: int
) -> dict[int, Row]:
    found: dict[int, Row] = {}
    waiting = [(start, end)]
    while waiting:
        first, stop = waiting.pop()
        told = {ts: row for row in await ask(first, stop) if first <= (ts := ts_of(row)) < stop}
        found |= told
        if told:
            oldest, newest = min(told), max(told) + step_ms
            waiting += [rest for rest in ((first, oldest), (newest, stop)) if rest[1] - rest[0] >= step_ms]
    return found


async def by_time(
    ask: Ask[Row],
    ts_of: Callable[[Row], int],
    key_of: Callable[[Row], Any],
    window: Window,
    pages: Pages,
) -> list[Row]:
    """Rows of events in a window, oldest first, each key once.

    Parameters
    ----------
    ask
        Rows of a window, as the exchange gives them.
    ts_of, key_of
        Time of a row, and what makes it the same as another one.
    window
        Which events.
    pages
        Size of a page, and on which side of its window a full one lies.
    """
    width = pages.longest_ms or max(window.end_ms - window.start_ms, 1)
    found: dict[Any, Row] = {}
    for first in range(*window, width):
        start, end = first, min(first + width, window.end_ms)
        while start < end:
            rows = await ask(start, end)
            new = {key_of(row): row for row in rows if start <= ts_of(row) < end}
            is_news = not new.keys() <= found.keys()
            found |= new
            if len(rows) < pages.limit or not new or pages.direction == "newest":
                break
            start, end = _rest(start, end, [ts_of(row) for row in new.values()], pages, is_news)
    return sorted(found.values(), key=ts_of)


def _rest(start: int, end: int, times: list[int], pages: Pages, is_news: bool) -> tuple[int, int]:
    """Window that a full page leaves; the edge's own moment is asked for again, for more may lie in it."""
    if not is_news:
        logger.warning("more than %d rows in one moment: the rest of it can't be fetched", pages.limit)
    skip = 0 if is_news else 1
    if pages.direction == "backward":
        return start, min(min(times) + 1 - skip, end - skip)
    return max(max(times) + skip, start + skip), end


async def by_number(ask: AskNumber[Row], ts_of: Callable[[Row], int], start_ms: int, limit: int) -> list[Row]:
    """Rows of numbered pages, newest first, until one reaches back to ``start_ms`` or is not full."""
    found: list[Row] = []
    number = 0
    while True:
        number += 1
        rows = await ask(number)
        found += rows
        if len(rows) < limit or min(map(ts_of, rows)) < start_ms:
            return found


def unique_by_time(rows: Iterable[Row], ts_of: Callable[[Row], int], window: Window) -> list[Row]:
    """Rows in a window, one for each time (the last one told), sorted."""
    told = {ts: row for row in rows if window.start_ms <= (ts := ts_of(row)) < window.end_ms}
    return [told[ts] for ts in sorted(told)]
