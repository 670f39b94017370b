"""Records that grow night by night, and the looks at them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Engine, Table, Update, func, insert, select, text

from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, from_ms
from quant_pipelines.research.capital import LookAnswer, take_due_look
from quant_pipelines.store.capital_evidence import newest_evidence
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.research import open_task
from quant_pipelines.store.tables import record_days

EXCHANGE = "binanceusdm"
FIRST = date(2024, 7, 1)
DEC_23, DEC_31, JAN_7 = date(2025, 12, 23), date(2025, 12, 31), date(2026, 1, 7)


def begin(
    engine: Engine, strategy: str, symbol: str, *, version: str = "a", archive: str | None = None
) -> int:
    """Record of a search that ran once."""
    text_of = {"strategy": strategy, "description": "", "content_hash": version, "kernel_digest": "k"}
    unit = {"strategy": strategy, "exchange": EXCHANGE, "symbol": symbol, "timeframe": "1h"}
    key = digest_of(unit | {"version": version, "archive": archive})
    task = {"searcher": "ga", "objective": "sharpe", "seed": 1, "trigger": "daily"}
    window = {
        "window_start": from_ms(day_start_ms("2024-01-01")),
        "window_end": from_ms(day_start_ms("2025-01-01")),
    }
    keys = {"task_key": key, "record_key": key, "settings": {"job": {"archive": archive}}}
    version_row = text_of | {"source": "", "parameters": {}}
    return open_task(engine, version_row, unit | task | window | keys).record_id


def grow(engine: Engine, record_id: int, until: date, *, edge: float = 0.0, held: bool = True) -> None:
    """Days of a volatility of 2 % with a yearly Sharpe ratio, the same whenever they are added."""
    n_days = (until - FIRST).days + 1
    chance = np.random.default_rng(record_id)
    days = 0.02 * (chance.standard_normal(1500)[:n_days] + edge / np.sqrt(365))
    rows = [
        {"record_id": record_id, "day": FIRST + timedelta(days=at), "fold": 0, "trades": [], "cover": []}
        | {"daily_return": float(value), "is_warm": True, "computed_at": from_ms(0)}
        | ({"exposure": 0.0, "holding_return": 0.01} if held else {})
        for at, value in enumerate(days)
    ]
    with transaction(engine) as connection:
        stored = connection.execute(
            select(func.max(record_days.c.day)).where(record_days.c.record_id == record_id)
        )
        last = stored.scalar_one()
        connection.execute(insert(record_days), [row for row in rows if last is None or row["day"] > last])


def look(engine: Engine, yesterday: date) -> LookAnswer:
    now = day_start_ms(yesterday.isoformat()) + DAY_MS + 6 * HOUR_MS
    return take_due_look(engine, EXCHANGE, lambda: now)


def evidence(engine: Engine, record_id: int) -> Any:
    with transaction(engine) as connection:
        return newest_evidence(connection, record_id)


def change(engine: Engine, table: Table, statement: Update) -> None:
    """What no statement of the program can do: a disk that lies, or a person with the owner's password."""
    with engine.begin() as connection:
        connection.execute(text(f"alter table research.{table.name} disable trigger user"))
        connection.execute(statement)
        connection.execute(text(f"alter table research.{table.name} enable trigger user"))


def begun_family(engine: Engine) -> Sequence[int]:
    """Two strategies on two symbols; the first has an edge that nobody overlooks."""
    ids = [begin(engine, name, symbol) for name in ("ema_cross", "rsi") for symbol in ("BTC", "ETH")]
    for at, record_id in enumerate(ids):
        grow(engine, record_id, DEC_23, edge=8.0 if at < 2 else 0.0, held=at != 3)
    return ids
