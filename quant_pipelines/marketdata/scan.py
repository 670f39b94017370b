"""The hot-coin scan: reads what the factors need, scores the universe, keeps the scan."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.price_factors import adjusted, scale_at
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.settings import HotListSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms, from_ms, to_ms
from quant_pipelines.hotlist import FactorInputs, HotScore, raw_factors, risk_labels, score_symbols
from quant_pipelines.hotlist.factors import BASELINE_DAYS
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.market import (
    read_funding,
    read_hotlist,
    read_instruments,
    read_open_interest,
    read_universe,
    save_hotlist,
    save_labels,
)
from quant_pipelines.store.price_factors import read_factors

_WINDOW_MS = (BASELINE_DAYS + 1) * DAY_MS
_FUNDING_VALID_MS = 9 * HOUR_MS


def scan_universe(engine: Engine, exchange: str, settings: HotListSettings, now_ms: int) -> list[HotScore]:
    """Score the universe as of now and store the scan.

    Returns
    -------
    list[HotScore]
        All symbols, best first.
    """
    at_ms = floor_ms(now_ms, MINUTE_MS)
    symbols = set(read_universe(engine, exchange))
    scanned = (one for one in read_instruments(engine, exchange) if one.symbol in symbols)
    inputs = [read_inputs(engine, instrument, at_ms) for instrument in scanned]
    scores = score_symbols({one.symbol: raw_factors(one) for one in inputs}, settings)
    save_hotlist(engine, [_row(exchange, from_ms(at_ms), score) for score in scores])
    return scores


def label_top(engine: Engine, exchange: str, top_n: int) -> list[dict[str, Any]]:
    """Attach risk labels to the best symbols of the newest scan.

    Returns
    -------
    list[dict[str, Any]]
        Their rows of ``market.hotlist``, best first.
    """
    instruments = {instrument.symbol: instrument for instrument in read_instruments(engine, exchange)}
    rows = read_hotlist(engine, exchange, top_n)
    for row in rows:
        instrument = instruments[row["symbol"]]
        inputs = read_inputs(engine, instrument, to_ms(row["scored_at"]))
        row["labels"] = _without_nan(asdict(risk_labels(inputs, instrument.max_leverage)))
        save_labels(engine, row, row["labels"])
    return rows


def read_inputs(engine: Engine, instrument: Instrument, at_ms: int) -> FactorInputs:
    """Read what was known about an instrument at a time."""
    exchange, symbol = instrument.exchange, instrument.symbol
    start_ms = at_ms - _WINDOW_MS
    factors = read_factors(engine, exchange, symbol)
    bars = adjusted(
        read_bars(engine, Series(exchange, symbol, "15m"), Window(start_ms, at_ms - 15 * MINUTE_MS + 1)),
        factors,
    )
    _, rates, _ = read_funding(engine, exchange, symbol, Window(at_ms - _FUNDING_VALID_MS, at_ms + 1))
    times, held = read_open_interest(
        engine, exchange, symbol, Window(at_ms - DAY_MS - 2 * HOUR_MS, at_ms + 1)
    )
    return FactorInputs(
        symbol=symbol,
        at_ms=at_ms,
        ts=bars.ts,
        close=bars.close,
        volume=bars.volume,
        open_interest_ts=times,
        open_interest=held / scale_at(times, factors),
        funding_rate=float(rates[-1]) if rates.size else math.nan,
        funding_interval_hours=instrument.funding_interval_hours,
    )


def _row(exchange: str, scored_at: datetime, score: HotScore) -> dict[str, Any]:
    return {
        "scored_at": scored_at,
        "exchange": exchange,
        "symbol": score.symbol,
        "score": score.score,
        "rank": score.rank,
        "factors": {name: _without_nan(asdict(term)) for name, term in score.factors.items()},
        "flags": list(score.flags),
        "labels": {},
    }


def _without_nan(document: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no NaN: what is missing is null."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in document.items()
    }
