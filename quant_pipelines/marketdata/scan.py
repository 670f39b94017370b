"""The hot-coin scan: reads what the factors need, scores the universe, keeps the scan."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine

from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.core.instruments import Instrument
from quant_pipelines.core.price_factors import adjusted, scale_at
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, floor_ms, from_ms, to_ms
from quant_pipelines.hotlist import (
    FactorInputs,
    HotScore,
    exclusions,
    raw_factors,
    risk_labels,
    score_symbols,
)
from quant_pipelines.hotlist.filter import Exclusion, Tradability
from quant_pipelines.hotlist.inputs import BASELINE_DAYS, daily_volume
from quant_pipelines.hotlist.weights import FactorWeight, weights_in_force
from quant_pipelines.store.bars import read_bars
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.hot import Supply, listed_from, save_exclusions, stored_weights, supplies_at
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


class Scan(NamedTuple):
    """What one scan of the universe has found: scores, best first, and whom the filters left out."""

    scores: list[HotScore]
    excluded: list[Exclusion]


def scan_universe(engine: Engine, exchange: str, settings: HotListSettings, now_ms: int) -> Scan:
    """Score what the filters leave of the universe, with the weights in force, and store the scan."""
    at_ms = floor_ms(now_ms, MINUTE_MS)
    at, symbols = from_ms(at_ms), set(read_universe(engine, exchange))
    listed, supplies = listed_from(engine, exchange), supplies_at(engine, exchange, at)
    raw, excluded = dict[str, dict[str, float]](), list[Exclusion]()
    for instrument in read_instruments(engine, exchange):
        if instrument.symbol not in symbols:
            continue
        inputs = read_inputs(engine, instrument, at_ms, supplies.get(instrument.symbol))
        faults = exclusions(_tradability(instrument, inputs, listed.get(instrument.symbol)), settings)
        excluded += faults
        if not faults:
            raw[instrument.symbol] = raw_factors(inputs)
    with transaction(engine) as connection:
        weights = weights_of(connection, exchange, settings)
    in_force = {name: one.weight for name, one in weights.items()}
    scores = score_symbols(raw, in_force, settings.winsor_z)
    save_hotlist(engine, [_row(exchange, at, score) for score in scores])
    save_exclusions(engine, exchange, at, excluded)
    return Scan(scores, excluded)


def weights_of(connection: Connection, exchange: str, settings: HotListSettings) -> dict[str, FactorWeight]:
    """Weights in force, by factor, with the bounds of each."""
    people, newest = (
        {one.factor: one.weight for one in rows}
        for rows in (stored_weights(connection, exchange, "person"), stored_weights(connection, exchange))
    )
    return weights_in_force(settings, people, newest)


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


def read_inputs(
    engine: Engine, instrument: Instrument, at_ms: int, supply: Supply | None = None
) -> FactorInputs:
    """Read what was known about an instrument at a time; the supply that was recorded by then is given."""
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
        # In the scale of today's prices, whatever the scale was when it was recorded.
        circulating_supply=supply.coins / float(scale_at(_times(supply), factors)[0]) if supply else math.nan,
    )


def _times(supply: Supply) -> IntArray:
    return np.array([to_ms(supply.recorded_at)], dtype=np.int64)


def _tradability(instrument: Instrument, inputs: FactorInputs, listed: datetime | None) -> Tradability:
    price = float(inputs.close[-1]) if inputs.close.size else 0.0
    return Tradability(
        symbol=instrument.symbol,
        daily_volume=daily_volume(inputs) * price,
        listed_days=None if listed is None else (inputs.at_ms - to_ms(listed)) / DAY_MS,
        smallest_order=max(float(instrument.min_notional), float(instrument.lot_size) * price),
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
