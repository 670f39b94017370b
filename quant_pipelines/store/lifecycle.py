"""Candidates, decisions, deployments and scorecards in PostgreSQL."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Engine, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.accounting.nav import can_flow, growth_by
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.stages import LADDER
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.core.verdict_decisions import CANDIDATE, VerdictDecision
from quant_pipelines.store.capital_changes import BookFlow, read_flows
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.equity_days import BookDays, count_bars, read_book_days
from quant_pipelines.store.legs import books_of
from quant_pipelines.store.tables import (
    accounts,
    deployments,
    fills,
    optimizer_tasks,
    performance_metrics,
    verdicts,
)
from quant_pipelines.store.tables.trading import PAPER_VENUE

_SCREEN_LOCK = 0x53435245
_EPOCH, _MICROSECOND = from_ms(0), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ScoredBook:
    """What a scorecard is made of.

    Parameters
    ----------
    deployment_id, strategy, symbol, timeframe
        The deployment.
    capital
        Quote currency at the start.
    verdict
        Out-of-sample evidence that it was admitted with; empty when it has none.
    days
        Start of each UTC day with equity, milliseconds. ndarray of shape (n_days,), int64.
    day_end_equity
        Equity at each day's last execution bar, as if its capital had never changed. ndarray of shape
        (n_days,), float64, quote.
    equity
        What it has now, quote.
    """

    deployment_id: int
    strategy: str
    symbol: str
    timeframe: str
    capital: float
    verdict: dict[str, Any]
    days: IntArray
    day_end_equity: FloatArray
    equity: float


class BookCounts(NamedTuple):
    """Execution bars that a deployment booked, those that ended with a position, and its fills."""

    bars: int
    bars_held: int
    fills: int


def lock_screen(connection: Connection) -> None:
    """Let one screen decide at a time, until the transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _SCREEN_LOCK})


def candidate_jobs(connection: Connection, verdict_id: int | None = None) -> dict[int, dict[str, Any]]:
    """Read the settings of the tasks behind verdicts, with their version, by verdict id.

    Parameters
    ----------
    connection
        Open transaction.
    verdict_id
        Only this verdict, whatever was decided on it; None reads the undecided ones.
    """
    is_meant = verdicts.c.decision == CANDIDATE if verdict_id is None else verdicts.c.id == verdict_id
    query = (
        select(verdicts.c.id, verdicts.c.strategy_version_id, optimizer_tasks.c.settings)
        .join(optimizer_tasks, optimizer_tasks.c.id == verdicts.c.task_id)
        .where(is_meant)
    )
    return {
        row.id: {**row.settings, "strategy_version_id": row.strategy_version_id}
        for row in connection.execute(query)
    }


def traded_units(connection: Connection) -> dict[tuple[str, str, str, str], int]:
    """Deployment by strategy, exchange, symbol and timeframe, for those that trade: no challengers."""
    unit = [deployments.c[name] for name in ("strategy", "exchange", "symbol", "timeframe")]
    is_it = deployments.c.stage.in_(LADDER) & deployments.c.challenges.is_(None)
    query = select(deployments.c.id, *unit).where(is_it)
    return {
        (row.strategy, row.exchange, row.symbol, row.timeframe): row.id for row in connection.execute(query)
    }


def save_decision(
    connection: Connection, verdict_id: int, decision: VerdictDecision, reasons: Sequence[str], at: datetime
) -> None:
    """Store what was decided; a verdict that still waits keeps no time of decision."""
    values = {
        "decision": decision,
        "reasons": list(reasons),
        "decided_at": None if decision == CANDIDATE else at,
    }
    connection.execute(update(verdicts).where(verdicts.c.id == verdict_id).values(**values))


def paper_account(connection: Connection, capital: float, at: datetime) -> int:
    """Id of the paper account, which is made when it is missing; its money is what the settings say."""
    row = {"name": PAPER_VENUE, "venue": PAPER_VENUE, "currency": "USDT", "capital": Decimal(str(capital))}
    made = upsert(accounts).values(**row, created_at=at)
    made = made.on_conflict_do_update(index_elements=["name"], set_={"capital": made.excluded.capital})
    return int(connection.execute(made.returning(accounts.c.id)).scalar_one())


def known_paper_account(connection: Connection, capital: Decimal, at: datetime) -> int:
    """Id of the paper account as it is; one that is missing begins with the capital of its first book."""
    query = select(accounts.c.id).where(accounts.c.name == PAPER_VENUE)
    known = connection.execute(query).scalar_one_or_none()
    return paper_account(connection, float(capital), at) if known is None else int(known)


def add_deployment(connection: Connection, values: Mapping[str, Any]) -> int:
    """Store a new deployment; returns its id."""
    return int(
        connection.execute(insert(deployments).values(dict(values)).returning(deployments.c.id)).scalar_one()
    )


def read_books(engine: Engine) -> list[ScoredBook]:
    """Every traded deployment with its daily equity; one that has booked nothing yet has no days."""
    with transaction(engine) as connection:
        return _books(connection, deployments.c.stage.in_(LADDER))


def read_books_of(connection: Connection, ids: Sequence[int]) -> list[ScoredBook]:
    """Read the same of these deployments, whatever their stage."""
    return _books(connection, deployments.c.id.in_(ids))


def read_counts(connection: Connection, ids: Sequence[int]) -> dict[int, BookCounts]:
    """Count what these deployments have booked."""
    if not ids:
        return {}
    books = books_of(connection, ids)
    owners = {book: owner for owner, own in books.items() for book in own}
    of_fill = fills.c.deployment_id
    filled = select(of_fill, func.count()).where(of_fill.in_(owners)).group_by(of_fill)
    n_fills = Counter[int]()
    for book, count in connection.execute(filled):
        n_fills[owners[book]] += count
    counted = count_bars(connection, books)
    return {one: BookCounts(*counted.get(one, (0, 0)), n_fills[one]) for one in ids}


def read_book(connection: Connection, deployment_id: int) -> ScoredBook:
    """One deployment with its daily equity, whatever its stage."""
    (book,) = _books(connection, deployments.c.id == deployment_id)
    return book


def _books(connection: Connection, are_meant: ColumnElement[bool]) -> list[ScoredBook]:
    """Read all of them by as many statements as one asks for."""
    query = (
        select(deployments, verdicts.c.out_of_sample)
        .join(verdicts, verdicts.c.id == deployments.c.verdict_id, isouter=True)
        .where(are_meant)
        .order_by(deployments.c.id)
    )
    rows = connection.execute(query).mappings().all()
    if not rows:
        return []
    books = books_of(connection, [row["id"] for row in rows])
    booked = _booked(connection, books, {row["id"]: float(row["capital"]) for row in rows})
    return [_book(row, booked[row["id"]]) for row in rows]


def save_scorecards(engine: Engine, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store scorecards: ``deployment_id``, ``scored_at``, ``days`` and ``metrics``."""
    if rows:
        with transaction(engine) as connection:
            connection.execute(
                upsert(performance_metrics).on_conflict_do_nothing(), [dict(row) for row in rows]
            )


class _Booked(NamedTuple):
    """What the books of a deployment hold: days, and payments."""

    days: BookDays
    flows: list[BookFlow]


def _booked(
    connection: Connection, books: Mapping[int, list[int]], capital: Mapping[int, float]
) -> dict[int, _Booked]:
    days = read_book_days(connection, books, capital)
    flows = read_flows(connection, [book for own in books.values() for book in own])
    return {one: _Booked(days[one], flows.get(one, [])) for one in books}


def _book(row: Mapping[Any, Any], booked: _Booked) -> ScoredBook:
    known = booked.days
    return ScoredBook(
        deployment_id=row["id"],
        strategy=row["strategy"],
        symbol=row["symbol"],
        timeframe=row["timeframe"],
        capital=float(row["capital"]),
        verdict=row["out_of_sample"] or {},
        days=known.days * DAY_MS,
        day_end_equity=in_first_units(known.equity, known.closes_us, booked.flows),
        equity=float(known.equity[-1]) if known.equity.size else float(row["capital"]),
    )


def in_first_units(day_end_equity: FloatArray, closes_us: IntArray, flows: Sequence[BookFlow]) -> FloatArray:
    """Equity as if the capital had never changed: a deposit or a withdrawal is neither profit nor loss.

    Parameters
    ----------
    day_end_equity
        Quote, at the end of each day, before what was paid at that very close; shape (n_days,).
    closes_us
        When that was, microseconds UTC; shape (n_days,).
    flows
        What was paid, oldest first; into a book that was worth nothing it counts as profit.
    """
    known = [one for one in flows if can_flow(one.equity, float(one.amount))]
    growths = [growth_by(one.equity, float(one.amount)) for one in known]
    paid_us = np.array([(one.at - _EPOCH) // _MICROSECOND for one in known], dtype=np.int64)
    units = np.cumprod([1.0, *growths])
    in_first: FloatArray = day_end_equity / units[np.searchsorted(paid_us, closes_us, side="left")]
    return in_first
