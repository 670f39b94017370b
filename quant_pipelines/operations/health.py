"""Health of the market data as one state, written as a heartbeat; an alert when it changes for the worse."""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Engine, func, select

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, from_ms, to_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Heartbeat, write_alert, write_heartbeat
from quant_pipelines.store.market import read_universe
from quant_pipelines.store.tables import bars, data_findings

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
    health = assess(_newest_bars(engine, exchange, now_ms), _blocking(engine, exchange, now_ms), now_ms)
    detail = {"reason": health.reason, **health.detail}
    write_heartbeat(engine, Heartbeat(SERVICE, health.state, clock_time(clock), detail))
    return health


def report_change(engine: Engine, health: MarketHealth, clock: Clock) -> None:
    """Write the alert that belongs to a change of state."""
    severity = "info" if health.state == HEALTHY else "warning"
    at = clock_time(clock)
    write_alert(engine, severity, SERVICE, f"market data are {health.state}: {health.reason}",
                detail=health.detail, at=at)  # fmt: skip


def _newest_bars(engine: Engine, exchange: str, now_ms: int) -> dict[str, int | None]:
    """Newest bar of each symbol of the universe in the last two days; older partitions stay cold."""
    query = (
        select(bars.c.symbol, func.max(bars.c.ts))
        .where(bars.c.exchange == exchange, bars.c.timeframe == "1m")
        .where(bars.c.ts >= from_ms(now_ms - 2 * DAY_MS))
        .group_by(bars.c.symbol)
    )
    with transaction(engine) as connection:
        newest = {symbol: to_ms(ts) for symbol, ts in connection.execute(query)}
    return {symbol: newest.get(symbol) for symbol in read_universe(engine, exchange)}


def _blocking(engine: Engine, exchange: str, now_ms: int) -> list[str]:
    query = (
        select(data_findings.c.symbol, data_findings.c.day, data_findings.c.check_name)
        .where(data_findings.c.exchange == exchange, data_findings.c.severity == "block")
        .where(data_findings.c.resolved_at.is_(None))
        .where(data_findings.c.day >= from_ms(now_ms - 2 * DAY_MS).date())
        .order_by(data_findings.c.symbol, data_findings.c.day)
    )
    with transaction(engine) as connection:
        return [f"{row.symbol} {row.day} {row.check_name}" for row in connection.execute(query)]
