"""What the allocation needs to know of accounts and their deployments, read from what is stored."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select, text

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.stages import Stage
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.store.capital_changes import newest_capital
from quant_pipelines.store.deployments import newest_instrument
from quant_pipelines.store.funds import newest_balance
from quant_pipelines.store.tables import (
    accounts,
    bars,
    deployments,
    equity,
    income,
)
from quant_pipelines.store.tables.trading import PAPER_VENUE

_ON_PAPER: tuple[Stage, ...] = ("paper", "shadow")
_OWNER = func.coalesce(deployments.c.set_id, deployments.c.id)
"""Whose a book is: its set's, or its own."""
EXPOSURE_DAYS, VOLATILITY_DAYS, FEWEST_DAYS = 20, 90, 20


class AllocatedAccount(NamedTuple):
    """An account: its id and name, ``paper`` or the ccxt id of its venue, and its equity; None: not known."""

    id: int
    name: str
    venue: str
    equity: Decimal | None

    @property
    def is_paper(self) -> bool:
        """Whether its orders go nowhere."""
        return self.venue == PAPER_VENUE


class AllocatedBook(NamedTuple):
    """A deployment that a plan may touch.

    Parameters
    ----------
    id, strategy, exchange, symbol, timeframe, stage
        The deployment.
    capital
        What it is meant to have been paid in all, quote.
    profit
        What it made, quote.
    sizing
        Document of its sizer.
    verdict_id
        What it was deployed on; None for one made by hand.
    """

    id: int
    strategy: str
    exchange: str
    symbol: str
    timeframe: str
    stage: Stage
    capital: Decimal
    profit: float
    sizing: dict[str, Any]
    verdict_id: int | None


def read_accounts(connection: Connection) -> list[AllocatedAccount]:
    """Every account that has a deployment; equity by its venue, of paper by the capital and all profits."""
    used = select(deployments.c.account_id).distinct()
    query = select(accounts).where(accounts.c.id.in_(used)).order_by(accounts.c.id)
    return [
        AllocatedAccount(row.id, row.name, row.venue, _equity(connection, row.id, row.venue, row.capital))
        for row in connection.execute(query).all()
    ]


def read_allocated_books(
    connection: Connection, account_id: int, stages: Sequence[Stage]
) -> list[AllocatedBook]:
    """Deployments of an account in these stages, oldest first; a set is one.

    A challenger on paper is none of them: it is its incumbent's idea once more, and judged by its own bounds.
    """
    names = ("id", "strategy", "exchange", "symbol", "timeframe", "stage", "verdict_id")
    query = (
        select(*(deployments.c[name] for name in names), newest_capital().label("capital"))
        .add_columns(deployments.c.settings["sizing"].label("sizing"))
        .where(deployments.c.account_id == account_id, deployments.c.stage.in_(stages))
        .where(deployments.c.challenges.is_(None) | deployments.c.stage.not_in(_ON_PAPER))
        .order_by(deployments.c.id)
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    profits = _profits(connection, [row["id"] for row in rows])
    return [
        AllocatedBook(**row | {"sizing": row["sizing"] or {}}, profit=profits.get(row["id"], 0.0))
        for row in rows
    ]


def of_same_verdicts(connection: Connection, verdict_ids: Collection[int]) -> dict[int, list[int]]:
    """Deployments that came from each verdict, oldest first: paper, then its shadow, then its canary."""
    own = deployments.c.verdict_id
    query = select(own, deployments.c.id).where(own.in_(verdict_ids)).order_by(deployments.c.id)
    found: dict[int, list[int]] = {}
    for row in connection.execute(query):
        found.setdefault(row.verdict_id, []).append(row.id)
    return found


def mean_exposures(
    connection: Connection, deployment_ids: Collection[int], now: datetime
) -> dict[int, float]:
    """Mean signed notional over equity of the last 20 days, by deployment; of a set, of its legs.

    Those without a bar are left out.
    """
    worth = func.nullif(equity.c.equity, 0.0)
    query = (
        select(_OWNER, func.avg(equity.c.position * equity.c.price / worth).label("exposure"))
        .join(deployments, deployments.c.id == equity.c.deployment_id)
        .where(_OWNER.in_(deployment_ids), equity.c.ts > now - timedelta(days=EXPOSURE_DAYS))
        .group_by(_OWNER)
    )
    return {row[0]: row.exposure for row in connection.execute(query) if row.exposure is not None}


def least_notional(connection: Connection, exchange: str, symbol: str) -> Decimal:
    """Worth of one lot, or of the smallest order, quote; of a set, of all its legs. 0 where not known."""
    symbols = symbols_of(symbol)
    each = [_least(connection, exchange, one) for one in symbols]
    return len(symbols) * max(each)


def symbol_volatility(connection: Connection, exchange: str, symbol: str) -> float | None:
    """Volatility of holding a symbol over its last 90 known days, a fraction a year; None below 20 days."""
    asked = {"exchange": exchange, "symbol": symbol, "n_days": VOLATILITY_DAYS}
    days: FloatArray = np.array(connection.execute(_HELD, asked).scalars().all(), dtype=np.float64)
    return float(days.std(ddof=1)) * float(np.sqrt(YEAR_DAYS)) if days.size >= FEWEST_DAYS else None


# A record has a task for each of its nights: joined, every day would be read once for each of them. The
# newest days of all records are among the newest of each.
_HELD = text(
    "select avg(newest.holding_return) from "
    "(select distinct record_id from research.optimizer_tasks "
    "where exchange = :exchange and symbol = :symbol) as own "
    "cross join lateral (select day, holding_return from research.record_days d "
    "where d.record_id = own.record_id and holding_return is not null "
    "order by day desc limit :n_days) as newest group by newest.day order by newest.day desc limit :n_days"
)


def _least(connection: Connection, exchange: str, symbol: str) -> Decimal:
    instrument = newest_instrument(connection, exchange, symbol)
    if instrument is None:
        return Decimal(0)
    is_it = (bars.c.exchange == exchange) & (bars.c.symbol == symbol) & (bars.c.timeframe == "1m")
    newest = select(bars.c.close).where(is_it).order_by(bars.c.ts.desc()).limit(1)
    price = connection.execute(newest).scalar_one_or_none()
    lot = instrument.lot_size * Decimal(repr(price)) if price is not None else Decimal(0)
    return max(lot, instrument.min_notional)


def _equity(connection: Connection, account_id: int, venue: str, capital: Decimal) -> Decimal | None:
    if venue != PAPER_VENUE:
        newest = newest_balance(connection, account_id)
        return None if newest is None else newest.balance.wallet + newest.balance.unrealized
    made = select(func.sum(_made())).where(deployments.c.account_id == account_id)
    return capital + Decimal(repr(float(connection.execute(made).scalar_one() or 0.0)))


def _profits(connection: Connection, deployment_ids: Collection[int]) -> dict[int, float]:
    """Profit of deployments' books: what they are worth, less what they were paid."""
    made = select(_OWNER, func.sum(_made())).where(_OWNER.in_(deployment_ids)).group_by(_OWNER)
    return {row[0]: float(row[1] or 0.0) for row in connection.execute(made)}


def _made() -> ColumnElement[float]:
    """Profit of the book of each row of deployments; null for one that has booked nothing, as a set has."""
    own = select(equity.c.equity).where(equity.c.deployment_id == deployments.c.id)
    last_at = select(func.max(equity.c.ts)).where(equity.c.deployment_id == deployments.c.id)
    worth = own.order_by(equity.c.ts.desc()).limit(1).correlate(deployments).scalar_subquery()
    # What is paid at a close comes into the equity of the next one.
    paid = select(func.coalesce(func.sum(income.c.amount), 0)).where(
        income.c.deployment_id == deployments.c.id,
        income.c.kind == TRANSFER,
        income.c.ts < last_at.correlate(deployments).scalar_subquery(),
    )
    return worth - deployments.c.capital - paid.correlate(deployments).scalar_subquery()
