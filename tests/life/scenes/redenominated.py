"""The incumbent's symbol is redenominated in a canary; a person records the factor only much later."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import numpy as np
from sqlalchemy import Connection, Engine, select

from quant_pipelines.core.bars import BarRows, Bars
from quant_pipelines.core.price_factors import PriceFactor, adjusted
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import HOUR_MS, to_ms
from quant_pipelines.marketdata.checks import PRICE_SCALE, check_price_scale
from quant_pipelines.marketdata.price_scales import recheck_scales
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.findings import accept_findings, save_findings
from quant_pipelines.store.price_factors import read_factors, save_factor
from quant_pipelines.store.tables import data_findings
from tests.life import duel
from tests.life.days import DayClock
from tests.life.searches import TIMEFRAME
from tests.life.truth import EXCHANGE

FACTOR: Final = 1000.0
RECORDED_AFTER: Final = 10
"""Days until a person records it; by then the duel would be over, and the day is none of the newest."""
CHECKED_DAYS: Final = 2
"""How long the pipelines look at a day of bars."""


def bars(at_ms: int) -> Bars:
    """Two days of hours, in whose midst the price is multiplied and the volume divided."""
    n = 48
    ts = at_ms - at_ms % HOUR_MS + HOUR_MS * np.arange(-n // 2, n // 2)
    scale = np.where(np.arange(n) < n // 2, 1.0, FACTOR)
    close = scale * (1.0 + 0.001 * np.sin(np.arange(n)))
    opened = np.where(np.arange(n) == n // 2, scale, np.roll(close, 1))
    opened[0] = close[0]
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return Bars("", TIMEFRAME, ts, opened, high, low, close, 1e6 / scale)


def redenominate(engine: Engine, clock: DayClock, *, is_forgotten: bool = False) -> bool:
    """Check the bars while they are new, as the pipelines do, and again when a person records the factor."""
    with transaction(engine) as connection:
        found, now = duel.struck(connection), duel.standing(connection, clock.now)
        if found is None and now is not None:
            duel.strike(connection, clock.now, now)
            found = duel.struck(connection)
            assert found is not None
            _store(connection, found)
        if found is None:
            return False
        row = {"exchange": EXCHANGE, "symbol": found.duel["symbol"], "ts": found.at.replace(minute=0)}
        if found.days_since(clock) == RECORDED_AFTER:
            said = {"recorded_by": "ann", "recorded_at": clock.now}
            save_factor(connection, row | {"factor": FACTOR} | said)
    if found.days_since(clock) < CHECKED_DAYS:
        looked_at(engine, found, clock)
    elif is_forgotten:
        with transaction(engine) as connection:  # as if what was found were too old to count
            accept_findings(connection, EXCHANGE, found.duel["symbol"], PRICE_SCALE, clock.now)
    if found.days_since(clock) == RECORDED_AFTER:
        recheck_scales(engine, EXCHANGE, found.duel["symbol"], clock)
    return False


def _store(connection: Connection, found: duel.Strike) -> None:
    """Store the bars around it, which the recorded factor is held against."""
    at = bars(to_ms(found.at))
    columns = [getattr(at, name) for name in ("ts", "open", "high", "low", "close", "volume")]
    zeros = np.zeros(len(at))
    rows = BarRows(*columns, zeros, zeros.astype(np.int64))
    upsert_bars(connection, Series(EXCHANGE, found.duel["symbol"], TIMEFRAME), rows)


def looked_at(engine: Engine, found: duel.Strike, clock: DayClock) -> None:
    """Keep what the check of the price's scale finds."""
    symbol, day = found.duel["symbol"], found.at.date()
    known: tuple[PriceFactor, ...] = read_factors(engine, EXCHANGE, symbol)
    seen: dict[date, object] = {}
    rows = []
    for on, finding in check_price_scale(adjusted(bars(to_ms(found.at)), known)).items():
        seen[on] = finding
        rows.append({"symbol": symbol, "day": on} | finding.to_row())
    scope = {"exchange": EXCHANGE, "symbols": [symbol], "timeframe": TIMEFRAME, "days": [day]}
    save_findings(engine, scope | {"checks": (PRICE_SCALE,), "at": clock.now}, rows)


def check(engine: Engine, clock: DayClock) -> Iterator[str]:
    """Nothing goes forward on the symbol until the factor is recorded, and then it does again."""
    with transaction(engine) as connection:
        found = duel.struck(connection)
        if found is None or not found.days_since(clock):
            return
        symbol = found.duel["symbol"]
        query = select(data_findings.c.resolved_at).where(data_findings.c.check_name == PRICE_SCALE)
        rows = connection.execute(query.where(data_findings.c.symbol == symbol)).all()
        if not rows:
            yield f"no finding names the redenomination of {symbol}"
            return
        for gain in duel.gains(connection):
            is_before = all(row.resolved_at is None or gain.at < row.resolved_at for row in rows)
            if gain.symbol == symbol and gain.at > found.at and is_before:
                yield f"{gain.subject} got more of {symbol}, whose price has another scale"
        challenge = duel.challenge_of(connection, found)
        if found.days_since(clock) >= RECORDED_AFTER + 4 and challenge.ended_at is None:
            yield f"challenge {challenge.id} waits though the factor of {symbol} is recorded"


SCENE: Final = duel.DUEL._replace(act=redenominate, check=check, has_befallen=duel.has_befallen)
