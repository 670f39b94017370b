"""Health of the market data as one state, written as a heartbeat; an alert for as long as it is not well."""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, from_ms
from quant_pipelines.store.bars import newest_by_symbol
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import blocked_days
from quant_pipelines.store.heartbeats import Alert, Heartbeat, write_heartbeat
from quant_pipelines.store.market import read_universe
from quant_pipelines.store.outages import follow_standing

SERVICE = "market_health"
STALE_AFTER_MS = 12 * MINUTE_MS
"""Bars come every five minutes; two rounds and a slow one may pass before they are called stale."""
HealthState: TypeAlias = Literal["empty", "stale", "faulty", "healthy"]
HEALTHY: Final = "healthy"


@dataclass(frozen=True, slots=True)
class MarketHealth:
    """State of the market data.

    Parameters
    ----------
    state
        ``empty`` (no bars yet), ``stale`` (a symbol's newest bar is old), ``faulty`` (a check blocks a recent
        day) or ``healthy``.
    reason
        One sentence.
    detail
        Symbols to the age of their newest closed bar in seconds, and what blocks; JSON.
    """

    state: HealthState
    reason: str
    detail: dict[str, Any]


def assess(newest_ms: dict[str, int | None], blocked: list[str], now_ms: int) -> MarketHealth:
    """Judge the market data; pure.

    Parameters
    ----------
    newest_ms
        Symbol to the open time of its newest 1-minute bar; None without bars.
    blocked
        Standing findings that block, in words.
    now_ms
        Time of the judgement, milliseconds UTC.
    """
    ages = {
        symbol: None if ts is None else max(0, now_ms - ts - MINUTE_MS) // 1000
        for symbol, ts in newest_ms.items()
    }
    detail = {"age_seconds": ages, "blocked": blocked}
    late = sorted(name for name, age in ages.items() if age is None or age * 1000 > STALE_AFTER_MS)
    if not ages or all(age is None for age in ages.values()):
        return MarketHealth("empty", "no bars are stored yet", detail)
    if late:
        return MarketHealth(
            "stale", f"{len(late)} of {len(ages)} symbols have no recent bar: {late[0]}", detail
        )
    if blocked:
        return MarketHealth("faulty", f"{len(blocked)} findings block recent days: {blocked[0]}", detail)
    return MarketHealth(HEALTHY, f"{len(ages)} symbols are up to date", detail)


def watch_market(engine: Engine, exchange: str, clock: Clock) -> MarketHealth:
    """Judge the stored market data and write the heartbeat.

    Raises
    ------
    StoreError
        If the database does not answer.
    """
    now_ms = clock()
    # In the last two days only: older partitions stay cold.
    since_ms = now_ms - 2 * DAY_MS
    with transaction(engine) as connection:
        newest = newest_by_symbol(connection, exchange, "1m", since_ms)
        blocked = blocked_days(connection, exchange, from_ms(since_ms).date())
    symbols = read_universe(engine, exchange)
    health = assess({symbol: newest.get(symbol) for symbol in symbols}, blocked, now_ms)
    detail = {"reason": health.reason, **health.detail}
    write_heartbeat(engine, Heartbeat(SERVICE, health.state, clock_time(clock), detail))
    return health


def report_change(engine: Engine, health: MarketHealth, clock: Clock) -> None:
    """Write the alert of the state that the data are in now, if that is a bad one; others end."""
    at = clock_time(clock)
    message = f"market data are {health.state}: {health.reason}"
    alert = Alert("warning", f"{SERVICE}:{health.state}", message, at, health.detail)
    follow_standing(engine, SERVICE, [] if health.state == HEALTHY else [alert], at)
