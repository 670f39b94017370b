"""How long positions were held: days that depend on each other, and stay together in a resample."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.evaluation import OutOfSample


class HeldSpan(NamedTuple):
    """Round trip, or one that has not ended.

    Parameters
    ----------
    entered_ms, left_ms
        Milliseconds UTC; of one that has not ended, until when it is known to be held.

    Examples
    --------
    >>> from quant_pipelines.optimize.holding import HeldSpan
    >>> HeldSpan(0, 60_000).left_ms
    60000
    """

    entered_ms: int
    left_ms: int


def open_holdings(carried: Mapping[str, Any] | None) -> tuple[HeldSpan, ...]:
    """List what an account holds as it goes into the next day.

    Parameters
    ----------
    carried
        See ``OutOfSample.carried``; None is flat.

    Examples
    --------
    >>> from quant_pipelines.optimize.holding import open_holdings
    >>> book = {"trade": {"side": 1.0, "entry_ts": 5}, "until_ms": 9}
    >>> open_holdings({"account": {"books": [book, {"trade": {"side": 0.0}}]}})
    (HeldSpan(entered_ms=5, left_ms=9),)
    >>> open_holdings(None)
    ()
    """
    books = carried["account"]["books"] if carried else ()
    return tuple(
        HeldSpan(int(book["trade"]["entry_ts"]), int(book["until_ms"]))
        for book in books
        if book["trade"]["side"]
    )


def holdings_of(record: OutOfSample) -> tuple[HeldSpan, ...]:
    """Round trips of a record, with what is held at its end.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.holding import holdings_of
    >>> holdings_of(OutOfSample(np.arange(1), np.zeros(1), ({"entry_time": 0, "exit_time": 7},)))
    (HeldSpan(entered_ms=0, left_ms=7),)
    """
    closed = (HeldSpan(trade["entry_time"], trade["exit_time"]) for trade in record.trades)
    return (*closed, *open_holdings(record.carried))


def longest_holding_days(holdings: Iterable[HeldSpan], end_ms: int) -> int:
    """Whole days of the longest holding that has begun before a time, at least 1.

    Parameters
    ----------
    holdings
        In any order.
    end_ms
        What was held beyond it counts until then: no later day changes the answer.

    Examples
    --------
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.holding import HeldSpan, longest_holding_days
    >>> longest_holding_days([HeldSpan(0, DAY_MS), HeldSpan(DAY_MS, 9 * DAY_MS)], 4 * DAY_MS)
    3
    >>> longest_holding_days([], 4 * DAY_MS)
    1
    """
    held_ms = (min(one.left_ms, end_ms) - one.entered_ms for one in holdings)
    return max(1, -(-max(held_ms, default=0) // DAY_MS))
