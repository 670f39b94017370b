"""Looks again at days on which a price's scale was found to change, when what is recorded of it changes.

Nobody checks an old day by itself, and what was found on it blocks until it is gone.
"""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.price_factors import PRICE_SCALE, adjusted
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, EXECUTION_TIMEFRAME
from quant_pipelines.marketdata.checks import Finding, check_price_scale
from quant_pipelines.marketdata.days import window_of
from quant_pipelines.marketdata.own_bars import OWN_TIMEFRAMES
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.findings import open_findings, save_findings
from quant_pipelines.store.price_factors import read_factors


def recheck_scales(
    engine: Engine, exchange: str, symbol: str, clock: Clock, *, days: Collection[date] = ()
) -> int:
    """Check the scale of a symbol's price anew where a change of it stands, and on these days.

    A day whose bars are not stored any more keeps what was found on it: accepting it lets it pass.

    Parameters
    ----------
    engine, exchange, symbol
        Product database, ccxt id, ccxt form.
    clock
        Time of the check.
    days
        UTC days that are looked at besides.

    Returns
    -------
    int
        Findings that are gone.
    """
    standing = open_findings(engine, exchange, symbols=[symbol], checks=[PRICE_SCALE])
    asked = {(row["timeframe"], row["day"]) for row in standing}
    asked |= {(timeframe, day) for timeframe in (EXECUTION_TIMEFRAME, *OWN_TIMEFRAMES) for day in days}
    gone = 0
    for timeframe, day in sorted(asked):
        found = _found_on(engine, Series(exchange, symbol, timeframe), day)
        if found is None:
            continue
        scope = {"exchange": exchange, "symbols": [symbol], "timeframe": timeframe, "days": [day]}
        scope |= {"checks": (PRICE_SCALE,), "at": clock_time(clock)}
        gone += save_findings(engine, scope, [{"symbol": symbol, "day": day} | one.to_row() for one in found])
    return gone


def _found_on(engine: Engine, series: Series, day: date) -> list[Finding] | None:
    """Look at a day in the scale that is recorded now; None where it has no bars."""
    window = window_of(day.isoformat(), day.isoformat())
    bars = read_bars(engine, series, Window(window.start_ms - DAY_MS, window.end_ms + DAY_MS))
    if not len(bars.between(*window)):
        return None
    found = check_price_scale(adjusted(bars, read_factors(engine, series.exchange, series.symbol)))
    return [found[day]] if day in found else []
