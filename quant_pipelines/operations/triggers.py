"""What asks for an optimization by itself: a deployment that disappoints, a symbol that was just approved."""

from sqlalchemy import Connection, Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.settings import TriggerSettings
from quant_pipelines.core.timeframes import DAY_MS, to_ms
from quant_pipelines.lifecycle.triggers import (
    CORRELATION,
    Reading,
    is_request_due,
    read_correlations,
    read_triggers,
)
from quant_pipelines.operations.culling import complete_returns
from quant_pipelines.store import audit
from quant_pipelines.store import requests as store
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.store.lifecycle import ScoredBook, read_books
from quant_pipelines.store.outages import follow_standing
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
    books = read_books(engine)
    _watch_correlations(engine, books, settings, clock)
    keys = [book.deployment_id for book in books]
    with transaction(engine) as connection:
        promised = promised_returns(connection, keys)
        active = store.active_triggers(connection, keys)
        last = store.last_requests(connection, keys)
        readings = {
            key: read_triggers(complete_returns(book, clock()), promised[key], settings, active[key])
            for key, book in zip(keys, books, strict=True)
        }
        store.save_triggers(connection, readings, clock_time(clock))
        rested = {key: (clock() - to_ms(at)) / DAY_MS for key, at in last.items()}
        asking = store.still_asking(connection, keys)
        due = [
            book
            for key, book in zip(keys, books, strict=True)
            if key not in asking and is_request_due(readings[key], rested.get(key), settings)
        ]
        return sum(_ask(connection, book, readings[book.deployment_id], clock) for book in due)


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


def _watch_correlations(
    engine: Engine, books: list[ScoredBook], settings: TriggerSettings, clock: Clock
) -> None:
    """Store with whom each moves together, and alert for as long as two do: their weight is to be shared."""
    days = {
        book.deployment_id: dict(
            zip(book.days.tolist(), complete_returns(book, clock()).tolist(), strict=False)
        )
        for book in books
    }
    with transaction(engine) as connection:
        standing = store.active_triggers(connection, days.keys())
        active = frozenset(key for key, names in standing.items() if CORRELATION in names)
        found = read_correlations(days, settings, active)
        readings = {key: [reading] for key, (reading, _) in found.items()}
        store.save_triggers(connection, readings, clock_time(clock))
    pairs = {
        tuple(sorted((key, other))): one for key, (one, other) in found.items() if one.is_active and other
    }
    alerts = [
        Alert(
            "warning",
            f"{CORRELATION}:{first}-{second}",
            f"deployments {first} and {second} move together: {reading.sentence} over "
            f"{settings.correlation_days} days; they are one idea and share one weight",
            clock_time(clock),
            {"deployments": [first, second], "value": reading.value},
        )
        for (first, second), reading in pairs.items()
    ]
    follow_standing(engine, CORRELATION, alerts, clock_time(clock))


def _ask(connection: Connection, book: ScoredBook, readings: tuple[Reading, ...], clock: Clock) -> int:
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
