"""What asks for an optimization by itself: a deployment that disappoints, a symbol that was just approved."""

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.settings import TriggerSettings
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.lifecycle.triggers import Reading, is_request_due, read_triggers
from quant_pipelines.operations.culling import complete_returns
from quant_pipelines.store import audit
from quant_pipelines.store import requests as store
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.lifecycle import ScoredBook, read_books
from quant_pipelines.store.stages import promised_returns

ACTOR = "performance triggers"


def watch_performance(engine: Engine, settings: TriggerSettings, clock: Clock) -> int:
    """Measure the triggers of every traded deployment, store them, and write the requests that are due.

    Parameters
    ----------
    engine
        Product database.
    settings
        Thresholds, hysteresis and cooldown.
    clock
        Time of the look.

    Returns
    -------
    int
        New requests; a deployment with an open one gets no second.
    """
    added = 0
    for book in read_books(engine):
        with transaction(engine) as connection:
            promised = promised_returns(connection, book.deployment_id)
            active = store.active_triggers(connection, book.deployment_id)
            readings = read_triggers(complete_returns(book, clock()), promised, settings, active)
            store.save_triggers(connection, book.deployment_id, readings, clock_time(clock))
            added += _ask(connection, book, readings, settings, clock)
    return added


def watch_whitelist(engine: Engine, exchange: str, clock: Clock) -> int:
    """Write a request for each symbol that an operator approved since; end those of symbols that are gone."""
    added = 0
    with transaction(engine) as connection:
        store.close_abandoned(connection, exchange, clock_time(clock))
        for symbol, operator in store.symbols_without_search(connection, exchange):
            evidence = {"reason": f"approved by {operator}"}
            made = store.request_for_symbol(connection, exchange, symbol, evidence, clock_time(clock))
            added += made is not None
    return added


def _ask(
    connection: Connection,
    book: ScoredBook,
    readings: tuple[Reading, ...],
    settings: TriggerSettings,
    clock: Clock,
) -> int:
    last = store.last_request_at(connection, book.deployment_id)
    rested = None if last is None else (clock() - to_ms(last)) / DAY_MS
    if not is_request_due(readings, rested, settings):
        return 0
    standing = [reading for reading in readings if reading.is_active]
    evidence = {
        "reason": "; ".join(reading.sentence for reading in standing),
        "triggers": [{"name": one.name, "value": one.value, "threshold": one.threshold} for one in standing],
        "days": int(book.days.size),
    }
    request_id = store.request_for_deployment(connection, book.deployment_id, evidence, clock_time(clock))
    if request_id is None:
        return 0
    subject = f"deployment:{book.deployment_id}"
    audit.append(connection, ACTOR, "optimization.requested", subject, {"request": request_id, **evidence})
    return 1
