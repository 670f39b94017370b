"""UTC days as keys of daily partitions."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, day_of, day_start_ms


class SymbolDays(NamedTuple):
    """UTC days (``YYYY-MM-DD``) of some symbols: what is fetched, rolled up or checked."""

    symbols: Sequence[str]
    days: Sequence[str]


def spans(days: Iterable[str], max_days: int | None = None) -> list[tuple[str, str]]:
    """Group days into runs without a hole, oldest first, as (first day, last day), both included.

    Parameters
    ----------
    days
        UTC days as ``YYYY-MM-DD``, in any order.
    max_days
        Longest run; None leaves runs as long as they are.
    """
    found: list[tuple[str, str]] = []
    length = 0
    for day in sorted(set(days)):
        if found and follows(day, found[-1][1]) and (max_days is None or length < max_days):
            found[-1] = (found[-1][0], day)
            length += 1
        else:
            found.append((day, day))
            length = 1
    return found


def window_of(first: str, last: str) -> Window:
    """Window of the UTC days from the first to the last, both included."""
    return Window(day_start_ms(first), day_start_ms(last) + DAY_MS)


def follows(day: str, other: str) -> bool:
    """Whether ``day`` is the day after ``other``."""
    return day_start_ms(day) - day_start_ms(other) == DAY_MS


def history_days(now_ms: int, count: int) -> tuple[str, str]:
    """First and last day of the newest ``count`` full days plus today."""
    return day_of(now_ms - count * DAY_MS), day_of(now_ms)


def days_between(first_ms: int, last_ms: int) -> list[str]:
    """List the UTC days from the day of the first time to the day of the last one, both included."""
    return [day_of(ms) for ms in range(day_start_ms(day_of(first_ms)), last_ms + 1, DAY_MS)]
