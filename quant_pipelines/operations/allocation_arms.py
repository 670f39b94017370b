"""What the allocator is asked about an account, made of stored rows."""

import math
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from quant_pipelines.core.series import Days
from quant_pipelines.core.stages import Stage
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.operations.culling import complete_returns
from quant_pipelines.portfolio.allocation import Arm
from quant_pipelines.store.allocation_facts import (
    AllocatedAccount,
    AllocatedBook,
    least_notional,
    mean_exposure,
    of_same_verdict,
    symbol_volatility,
)
from quant_pipelines.store.findings import blocking_findings
from quant_pipelines.store.heartbeats import standing_halts
from quant_pipelines.store.lifecycle import read_books_of
from quant_pipelines.store.record_days import days_of_deployments

PAPER: tuple[Stage, ...] = ("paper",)
LIVE: tuple[Stage, ...] = ("live",)


def touched_stages(account: AllocatedAccount) -> tuple[Stage, ...]:
    """Stages whose capital a plan may move: a canary keeps its share, a shadow what its canary will have."""
    return PAPER if account.is_paper else LIVE


def notional_of_capital(book: AllocatedBook) -> float:
    """Notional at full target over the book's equity: what an all-in sizer says, else 1."""
    is_all_in = book.sizing.get("kind") == "all_in"
    return float(book.sizing["fraction"]) if is_all_in else 1.0


def weight_of(book: AllocatedBook, equity: float) -> float:
    """Notional at full target over the account's equity as it is now."""
    return max(0.0, (float(book.capital) + book.profit) * notional_of_capital(book) / equity)


def arm_of(connection: Connection, book: AllocatedBook, equity: float, now: datetime, data_days: int) -> Arm:
    """Deployment as the allocator sees it.

    Parameters
    ----------
    connection
        Open transaction.
    book
        The deployment.
    equity
        Of its account, quote, above 0.
    now
        Time of the plan; only UTC days that have ended count.
    data_days
        Newest days whose data must be without a finding that blocks.
    """
    least = float(least_notional(connection, book.exchange, book.symbol))
    returns = _record(connection, book, to_ms(now), least)
    known = symbol_volatility(connection, book.exchange, book.symbol)
    exposure = mean_exposure(connection, book.id, now)
    fraction = notional_of_capital(book)
    return Arm(
        key=book.id,
        family=book.strategy,
        exchange=book.exchange,
        symbol=book.symbol,
        days=np.array(sorted(returns), dtype=np.int64),
        returns=np.array([returns[day] / fraction for day in sorted(returns)], dtype=np.float64),
        weight=weight_of(book, equity),
        least_weight=least / equity,
        exposure=1.0 if exposure is None else float(np.clip(exposure / fraction, -1.0, 1.0)),
        symbol_volatility=math.nan if known is None else known,
        held_back=_held_back(connection, book, now, data_days),
    )


def _record(connection: Connection, book: AllocatedBook, now_ms: int, least: float) -> dict[int, float]:
    """Daily returns by day: out of sample before its deployment, then of its books, the latest stage last."""
    returns = days_of_deployments(connection, [book.id]).get(book.id, {})
    earlier = of_same_verdict(connection, book.verdict_id) if book.verdict_id is not None else [book.id]
    for stored in read_books_of(connection, earlier):
        found = complete_returns(stored, now_ms)
        known = dict(zip(stored.days[: found.size].tolist(), found.tolist(), strict=True))
        returns |= without_idle_end(known) if stored.equity < least else known
    return {day: value for day, value in returns.items() if math.isfinite(value)}


def without_idle_end(returns: dict[int, float]) -> dict[int, float]:
    """Leave the last days without any move out: a book that can't pay one lot shows nothing.

    Examples
    --------
    >>> without_idle_end({1: 0.0, 2: 0.01, 3: 0.0, 4: 0.0})
    {1: 0.0, 2: 0.01}
    """
    last = max((day for day, value in returns.items() if value != 0.0), default=-1)
    return {day: value for day, value in returns.items() if day <= last}


def _held_back(connection: Connection, book: AllocatedBook, now: datetime, data_days: int) -> str:
    halts = standing_halts(connection, f"deployment:{book.id}")
    if halts:
        return f"halted: {halts[0]['message']}"
    first = (now - timedelta(days=data_days)).date()
    blocked = blocking_findings(connection, book.exchange, book.symbol, Days(first, date.max))
    return f"blocked_data: {blocked[0]}" if blocked else ""
