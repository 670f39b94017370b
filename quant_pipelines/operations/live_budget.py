"""Takes back what trades real money by itself and has spent its loss budget, or breaks its promise."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, Engine

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.lifecycle.budget import spent_by
from quant_pipelines.operations.culling import complete_returns
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.stages import rested, rolled_back
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert
from quant_pipelines.store.lifecycle import ScoredBook, read_books_of
from quant_pipelines.store.stages import deployment_ids, promised_returns, read_stages
from quant_pipelines.store.versions import book_changes_at

ACTOR = "loss budget"


def take_back_spent(engine: Engine, ladder: LadderSettings, clock: Clock) -> list[Receipt]:
    """Let live books rest, and roll canaries back, whose loss budget is spent, and tell people.

    A challenger has bounds of its own.

    Parameters
    ----------
    engine
        Product database.
    ladder
        The bounds.
    clock
        Time of the look.
    """
    now, done = clock_time(clock), list[Receipt]()
    for deployment_id, why in _spent(engine, ladder, now).items():
        with transaction(engine) as connection:
            (stored,) = read_stages(connection, [deployment_id], for_update=True)
            if stored.stage not in ORDER_STAGES:
                continue  # somebody else has taken it back meanwhile
            signature = Signature(ACTOR, why)
            if stored.stage == "live":
                rest = timedelta(days=ladder.cull_rest_days)
                receipt = rested(connection, signature, deployment_id=deployment_id, rest=rest, now=now)
            else:
                receipt = rolled_back(connection, signature, deployment_id=deployment_id, now=now)
            add_alert(connection, Alert("warning", stored.key, f"{receipt.summary}: {why}", now))
            done.append(receipt)
    return done


def _spent(engine: Engine, ladder: LadderSettings, now: datetime) -> dict[int, str]:
    """Why each is taken back, by deployment."""
    with transaction(engine) as connection:
        stages = read_stages(connection, deployment_ids(connection, ORDER_STAGES))
        keys = [one.deployment_id for one in stages if one.challenges is None]
        found = _bounds_broken(connection, keys, ladder, now)
    return {key: "; ".join(sentences) for key, sentences in found.items() if sentences}


def _bounds_broken(
    connection: Connection, keys: list[int], ladder: LadderSettings, now: datetime
) -> dict[int, tuple[str, ...]]:
    if not keys:
        return {}
    promised = promised_returns(connection, keys)
    since: Mapping[int, datetime] = book_changes_at(connection)
    found = {}
    for book in read_books_of(connection, keys):
        key = book.deployment_id
        since_ms = to_ms(since[key]) if key in since else 0
        returns = complete_returns(book, to_ms(now), since_ms)
        found[key] = spent_by(levels_since(book, since_ms), returns, promised[key], ladder)
    return found


def levels_since(book: ScoredBook, since_ms: int) -> FloatArray:
    """Worth of a book before a time, and at the end of each day since; its first level is its capital."""
    began = np.searchsorted(book.days + DAY_MS, since_ms, side="right")
    every = np.concatenate([[book.capital], book.day_end_equity])
    return np.asarray(every[began:])
