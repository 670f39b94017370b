"""Scorecards: how each deployment does by its own equity, beside what its verdict promised."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Engine

from quant_pipelines.backtest.batch.result import returns_on
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import DAY_MS, YEAR_DAYS, to_ms
from quant_pipelines.optimize.luck import luck_of
from quant_pipelines.optimize.overfit import moments_of, probabilistic_sharpe_ratio
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.lifecycle import BookCounts, ScoredBook, read_books, read_counts, save_scorecards
from quant_pipelines.store.versions import book_changes_at


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One deployment's numbers; rates are fractions, None is not known yet.

    Parameters
    ----------
    deployment_id
        Whose they are.
    days
        UTC days with equity, today's unfinished one included.
    metrics
        By name; see ``score``.
    """

    deployment_id: int
    days: int
    metrics: dict[str, Any]


def score_deployments(engine: Engine, settings: Settings, clock: Clock) -> list[Scorecard]:
    """Score every traded deployment and store the scorecards.

    Parameters
    ----------
    engine
        Product database.
    settings
        Settings of the process; its gates say how far paper may fall behind its verdict.
    clock
        Time of the score.
    """
    now = clock_time(clock)
    books = read_books(engine)
    with transaction(engine) as connection:
        changed = book_changes_at(connection)
        counts = read_counts(connection, [book.deployment_id for book in books])
    least = settings.gates.paper_min_efficiency
    cards = [
        with_luck(
            score(book, counts[book.deployment_id], least_efficiency=least), book, Scoring(now, changed)
        )
        for book in books
    ]
    save_scorecards(
        engine,
        [
            {
                "deployment_id": card.deployment_id,
                "scored_at": now,
                "days": card.days,
                "metrics": card.metrics,
            }
            for card in cards
        ],
    )
    return cards


class Scoring(NamedTuple):
    """When books are scored, and when those that went on with other parameters did so, by deployment."""

    now: datetime
    changed: Mapping[int, datetime]


def with_luck(card: Scorecard, book: ScoredBook, since: Scoring) -> Scorecard:
    """Add ``luck``: how likely the complete days of what trades now are luck, and when more is known."""
    today_ms = to_ms(since.now) // DAY_MS * DAY_MS
    changed = since.changed.get(book.deployment_id)
    first_ms = 0 if changed is None else to_ms(changed)
    returns = daily_returns(book.day_end_equity, book.capital)
    is_meant = (book.days >= first_ms) & (book.days < today_ms)
    return replace(card, metrics=card.metrics | {"luck": luck_of(returns[is_meant])._asdict()})


def score(book: ScoredBook, counts: BookCounts, *, least_efficiency: float) -> Scorecard:
    """Numbers of one book.

    Returns
    -------
    Scorecard
        ``equity``, ``total_return``, ``max_drawdown`` (by day ends), ``exposure`` (share of bars with a
        position), ``fills``; where days differ ``sharpe`` (annualized by 365) and ``psr``; and against the
        verdict ``promised_daily_return``, ``daily_return``, ``efficiency`` (their ratio) and ``is_behind``.
    """
    returns = daily_returns(book.day_end_equity, book.capital)
    moments = moments_of(returns)
    has_statistics = not math.isnan(moments.sharpe)
    levels = np.concatenate([[book.capital], book.day_end_equity])
    drawdown = float(np.min(levels / np.maximum.accumulate(levels)) - 1.0)
    daily = float(returns.mean()) if returns.size else None
    promised = book.verdict.get("mean_daily_return")
    efficiency = daily / promised if daily is not None and promised and promised > 0 else None
    metrics: dict[str, Any] = {
        "equity": book.equity,
        "total_return": float(levels[-1] / book.capital - 1.0),
        "max_drawdown": drawdown,
        "exposure": counts.bars_held / counts.bars if counts.bars else None,
        "bars": counts.bars,
        "fills": counts.fills,
        "sharpe": moments.sharpe * math.sqrt(YEAR_DAYS) if has_statistics else None,
        "psr": probabilistic_sharpe_ratio(**moments._asdict()) if has_statistics else None,
        "daily_return": daily,
        "promised_daily_return": promised,
        "efficiency": efficiency,
        "is_behind": efficiency is not None and efficiency < least_efficiency,
    }
    return Scorecard(book.deployment_id, int(returns.size), metrics)


def daily_returns(day_end_equity: FloatArray, capital: float) -> FloatArray:
    """Return the simple returns of day-end equity, the first against the capital; shape (n_days,).

    They are 0 from the day on which nothing is left.
    """
    before = np.concatenate([[capital], day_end_equity[:-1]])[: day_end_equity.size]
    return returns_on(before, day_end_equity)
