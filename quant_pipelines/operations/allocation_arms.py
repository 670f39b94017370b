"""What the allocator is asked about an account, made of stored rows."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from quant_pipelines.core.stages import Stage
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.operations.culling import complete_returns
from quant_pipelines.portfolio.allocation import Arm
from quant_pipelines.store.allocation_facts import (
    AllocatedAccount,
    AllocatedBook,
    least_notional,
    mean_exposures,
    of_same_verdicts,
    symbol_volatility,
)
from quant_pipelines.store.findings import blocking_now
from quant_pipelines.store.heartbeats import standing_halts
from quant_pipelines.store.lifecycle import ScoredBook, read_books_of
from quant_pipelines.store.record_days import NO_RETURNS, DatedReturns, returns_of_deployments

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


class _StoredArms(NamedTuple):
    """What is stored of all arms of an account.

    Parameters
    ----------
    records
        Out-of-sample returns by day, by deployment.
    same
        Deployments of each verdict; ``books`` are theirs, by id.
    exposures
        Mean signed notional over equity, by deployment.
    halts
        Message of the oldest standing halt, by its source.
    """

    records: dict[int, DatedReturns]
    same: dict[int, list[int]]
    books: dict[int, ScoredBook]
    exposures: dict[int, float]
    halts: dict[str, str]


def arms_of(
    connection: Connection, books: Sequence[AllocatedBook], equity: float, now: datetime, data_days: int
) -> list[Arm]:
    """Deployments as the allocator sees them, in the order of the books.

    Parameters
    ----------
    connection
        Open transaction.
    books
        The deployments.
    equity
        Of their account, quote, above 0.
    now
        Time of the plan; only UTC days that have ended count.
    data_days
        Newest days whose data must be without a finding that blocks.
    """
    known = _known(connection, books, now)
    markets = {(book.exchange, book.symbol) for book in books}
    least = {one: float(least_notional(connection, *one)) for one in markets}
    volatility = {one: symbol_volatility(connection, *one) for one in markets}
    first = (now - timedelta(days=data_days)).date()
    blocked = {one: blocking_now(connection, *one, first) for one in markets}
    arms = []
    for book in books:
        market, fraction = (book.exchange, book.symbol), notional_of_capital(book)
        returns = _record(known, book, to_ms(now), least[market])
        own_volatility, exposure = volatility[market], known.exposures.get(book.id)
        halt = known.halts.get(f"deployment:{book.id}")
        findings = blocked[market]
        arm = Arm(
            key=book.id,
            family=book.strategy,
            exchange=book.exchange,
            symbol=book.symbol,
            days=returns.days,
            returns=returns.returns / fraction,
            weight=weight_of(book, equity),
            least_weight=least[market] / equity,
            exposure=1.0 if exposure is None else float(np.clip(exposure / fraction, -1.0, 1.0)),
            symbol_volatility=math.nan if own_volatility is None else own_volatility,
            held_back=f"halted: {halt}" if halt else f"blocked_data: {findings[0]}" if findings else "",
        )
        arms.append(arm)
    return arms


def _known(connection: Connection, books: Sequence[AllocatedBook], now: datetime) -> _StoredArms:
    keys = [book.id for book in books]
    same = of_same_verdicts(connection, [one.verdict_id for one in books if one.verdict_id is not None])
    every = sorted({*keys, *(one for found in same.values() for one in found)})
    halts: dict[str, str] = {}
    for halt in standing_halts(connection):
        halts.setdefault(halt["source"], halt["message"])
    return _StoredArms(
        returns_of_deployments(connection, keys),
        same,
        {one.deployment_id: one for one in read_books_of(connection, every)},
        mean_exposures(connection, keys, now),
        halts,
    )


def _record(known: _StoredArms, book: AllocatedBook, now_ms: int, least: float) -> DatedReturns:
    """Daily returns: out of sample before its deployment, then of its books, the latest stage last."""
    parts = [known.records.get(book.id, NO_RETURNS)]
    for earlier in known.same.get(book.verdict_id or -1, [book.id]):
        stored = known.books[earlier]
        found = complete_returns(stored, now_ms)
        own = DatedReturns(stored.days[: found.size], found)
        parts.append(without_idle_end(own) if stored.equity < least else own)
    days, returns = newest_of_each_day(parts)
    is_known = np.isfinite(returns)
    return DatedReturns(days[is_known], returns[is_known])


def newest_of_each_day(parts: Sequence[DatedReturns]) -> DatedReturns:
    """Put returns together: of days that several parts have, those of the last one count.

    Examples
    --------
    >>> record = DatedReturns(np.array([1, 2]), np.array([0.1, 0.2]))
    >>> book = DatedReturns(np.array([2, 3]), np.array([0.5, 0.6]))
    >>> newest_of_each_day([record, book]).returns
    array([0.1, 0.5, 0.6])
    """
    days, returns = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(days, kind="stable")
    days, returns = days[order], returns[order]
    is_last = np.append(days[1:] != days[:-1], np.ones(min(days.size, 1), dtype=bool))
    return DatedReturns(days[is_last], returns[is_last])


def without_idle_end(own: DatedReturns) -> DatedReturns:
    """Leave the last days without any move out: a book that can't pay one lot shows nothing.

    Examples
    --------
    >>> without_idle_end(DatedReturns(np.array([1, 2, 3, 4]), np.array([0.0, 0.01, 0.0, 0.0]))).days
    array([1, 2])
    """
    moves = np.flatnonzero(own.returns != 0.0)
    n_days = int(moves[-1]) + 1 if moves.size else 0
    return DatedReturns(own.days[:n_days], own.returns[:n_days])
