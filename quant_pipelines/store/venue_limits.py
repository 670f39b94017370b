"""Limits of venues as of a time: a new row only when something changed, and the specification with it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine, insert, select

from quant_pipelines.core.instruments import Instrument
from quant_pipelines.store.deployments import announce_deployments
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert
from quant_pipelines.store.market import add_instruments, newest_instruments
from quant_pipelines.store.tables import venue_limits
from quant_pipelines.trading.venue_limits import VenueLimits


class LimitRows(Protocol):
    """The port to the rows of venues' limits; `StoreError` while they are away."""

    def follow(self, exchange: str, told: Iterable[VenueLimits], at: datetime) -> list[str]:
        """Store what has changed, have it followed, and tell people; returns a sentence for each change.

        What a symbol had before it was first read is its specification; only what is stored there can have
        changed then.
        """


class PostgresLimits:
    """`LimitRows` of the product database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def follow(self, exchange: str, told: Iterable[VenueLimits], at: datetime) -> list[str]:
        """Store limits, specification and alert of each change in one transaction."""
        with transaction(self._engine) as connection:
            known = newest_instruments(connection, exchange)
            changes = [
                change
                for limits in told
                if (change := _follow(connection, exchange, limits, known.get(limits.symbol), at))
            ]
            if changes:
                announce_deployments(connection)
        return changes


def _follow(
    connection: Connection, exchange: str, limits: VenueLimits, instrument: Instrument | None, at: datetime
) -> str:
    before = _newest(connection, exchange, limits.symbol)
    if before != limits:
        row = {"exchange": exchange, "symbol": limits.symbol, "valid_from": at}
        connection.execute(insert(venue_limits).values({**row, "limits": limits.to_document()}))
    specified = None if instrument is None else _specified(instrument, limits)
    if specified is not None and specified != instrument:
        add_instruments(connection, [specified], at)
    if before is None and instrument is not None:
        before = _as_specified(limits, instrument)
    change = "" if before is None else limits.changes_from(before)
    if change:
        sentence = f"limits of {limits.symbol} at {exchange} have changed: {change}"
        add_alert(connection, Alert("warning", f"limits:{exchange}", sentence, at))
        return sentence
    return ""


def _newest(connection: Connection, exchange: str, symbol: str) -> VenueLimits | None:
    columns = venue_limits.c
    query = select(columns.limits).where(columns.exchange == exchange, columns.symbol == symbol)
    found = connection.execute(query.order_by(columns.valid_from.desc()).limit(1)).scalar_one_or_none()
    return None if found is None else VenueLimits.from_document(found)


def _specified(instrument: Instrument, limits: VenueLimits) -> Instrument:
    """Specification with the venue's limits in the place of its own."""
    return replace(
        instrument,
        tick_size=limits.tick_size,
        lot_size=limits.lot_size,
        min_notional=limits.min_notional,
    )


def _as_specified(limits: VenueLimits, instrument: Instrument) -> VenueLimits:
    """Limits as they were by a specification, where it says something."""
    return replace(
        limits,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        min_notional=instrument.min_notional,
    )
