"""Funding of a day as the stress table reads it: a whole day, or none."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import Engine, insert

from quant_pipelines.store.engine import transaction
from quant_pipelines.store.stress_rows import funding_of_a_day
from quant_pipelines.store.tables import funding_rates, instruments

pytestmark = pytest.mark.postgres

EXCHANGE: Final = "binanceusdm"
NOW: Final = datetime(2026, 6, 2, 8, 1, tzinfo=UTC)
NEWEST: Final = datetime(2026, 6, 2, 8, tzinfo=UTC)
EIGHT_HOURLY, FOUR_HOURLY, UNSPECIFIED = "BTC/USDT:USDT", "SOL/USDT:USDT", "NEW/USDT:USDT"
SYMBOLS: Final = (EIGHT_HOURLY, FOUR_HOURLY, UNSPECIFIED)


def specify(engine: Engine, symbol: str, hours: int) -> None:
    row = {"exchange": EXCHANGE, "symbol": symbol, "valid_from": NOW - timedelta(days=9), "max_leverage": 20}
    row |= {"tick_size": 1, "lot_size": 1, "min_notional": 5, "maker_fee": 0, "taker_fee": 0}
    with transaction(engine) as connection:
        connection.execute(insert(instruments).values(row | {"funding_interval_hours": hours}))


def pay(engine: Engine, symbol: str, hours_before: Sequence[int]) -> None:
    """Store a rate of 0.0001 at each slot, named by how many hours before the newest one it is."""
    rows = [
        {"exchange": EXCHANGE, "symbol": symbol, "ts": at, "rate": 0.0001, "available_at": at}
        for at in (NEWEST - timedelta(hours=hours) for hours in hours_before)
    ]
    with transaction(engine) as connection:
        connection.execute(insert(funding_rates), rows)


def read(engine: Engine) -> dict[str, float]:
    with transaction(engine) as connection:
        found = funding_of_a_day(connection, EXCHANGE, SYMBOLS, NOW)
    return {symbol: round(paid, 6) for symbol, paid in found.items()}


def test_a_part_of_a_day_is_no_day_of_funding(engine: Engine) -> None:
    specify(engine, EIGHT_HOURLY, 8)
    specify(engine, FOUR_HOURLY, 4)
    pay(engine, EIGHT_HOURLY, [0])
    pay(engine, FOUR_HOURLY, [0, 8, 16])
    pay(engine, UNSPECIFIED, [0, 8])
    assert read(engine) == {}


def test_a_whole_day_is_summed_up_to_its_newest_slot(engine: Engine) -> None:
    specify(engine, EIGHT_HOURLY, 8)
    specify(engine, FOUR_HOURLY, 4)
    pay(engine, EIGHT_HOURLY, [8, 16, 24, 32])  # the newest slot is over, and its rate is not stored yet
    pay(engine, FOUR_HOURLY, [0, 4, 8, 12, 16, 20, 24])
    pay(engine, UNSPECIFIED, [0, 8, 16])
    assert read(engine) == {EIGHT_HOURLY: 0.0003, FOUR_HOURLY: 0.0006, UNSPECIFIED: 0.0003}


def test_a_day_that_is_long_over_tells_nothing_of_now(engine: Engine) -> None:
    pay(engine, UNSPECIFIED, [25, 33, 41])
    assert read(engine) == {}
