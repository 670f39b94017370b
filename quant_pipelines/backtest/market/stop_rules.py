"""From the stops that a strategy declares to what compiled code knows of them, and the inputs they read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quant_pipelines.backtest.bar.stops import StopInputs, StopScales, StopTerms
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators import atr, rolling_std
from quant_pipelines.sdk.stops import (
    ATR_STOPS,
    KINDS,
    SCALABLE,
    SLOPE_TIGHTENING,
    TIGHTENED,
    VOLATILITY_STOPS,
    Stops,
)
from quant_pipelines.sdk.strategy import Strategy

UNKNOWN: FloatArray = np.empty(0)
_FIELD_OF = {"time_stop": "time_ms", "take_profit": "target", SLOPE_TIGHTENING: SLOPE_TIGHTENING}
_COLUMN_OF = {
    name: StopTerms._fields.index(_FIELD_OF.get(name, name.removesuffix("_stop"))) for name in KINDS
}
_TIME, _SLOPE_DAYS = (StopTerms._fields.index(name) for name in ("time_ms", "slope_days"))


def stop_terms_of(strategy: Strategy, strategy_step_ms: int) -> StopTerms:
    """Return the values of a strategy's stops; what it doesn't declare is 0."""
    return StopTerms(*stop_row(strategy, strategy_step_ms))


def stop_row(strategy: Strategy, strategy_step_ms: int) -> list[float]:
    """Return the same as a row of the terms of a pass."""
    row, values = [0.0] * len(StopTerms._fields), strategy.__dict__
    row[_SLOPE_DAYS] = float(strategy.stops.equity_slope_days)
    for name in strategy.stops.declared:
        row[_COLUMN_OF[name]] = float(values[name])
    row[_TIME] *= strategy_step_ms
    return row


def atr_of(stops: Stops, bars: Bars) -> FloatArray:
    """Average true range of bars, NaN where it isn't positive; (0,) where no stop asks."""
    if not stops.uses(ATR_STOPS):
        return UNKNOWN
    ranges = atr(bars.high, bars.low, bars.close, stops.atr_window)
    return np.where(ranges > 0.0, ranges, np.nan)


def deviation_of(stops: Stops, bars: Bars) -> FloatArray:
    """Deviation of a bar's log return, shape (n_bars,); (0,) where none of the stops asks."""
    if not stops.uses(VOLATILITY_STOPS):
        return UNKNOWN
    result = np.full(len(bars), np.nan)
    if len(bars) > 1:
        result[1:] = rolling_std(np.diff(np.log(bars.close)), stops.volatility_window)
    return result


def factors_at(
    scales: Mapping[str, FloatArray], decision_row: IntArray, row_before: int = -1
) -> dict[str, FloatArray]:
    """Return the factors on a strategy's stops as of each execution close, by the name of the stop.

    Before them stands that of the close before the first bar: arrays of shape (n_execution + 1,).

    Parameters
    ----------
    scales
        As of the closes of the strategy's bars.
    decision_row
        Strategy bar that is decided on at each execution close, -1 for none.
    row_before
        The one that was known before the first bar, where a run goes on from another one.
    """
    rows = decision_row, row_before
    return {name: _factor_at(np.ascontiguousarray(factor), *rows) for name, factor in scales.items()}


@kernel
def _factor_at(factor: FloatArray, decision_row: IntArray, row_before: int) -> FloatArray:
    found, newest = np.empty(decision_row.size + 1), row_before
    found[0] = factor[newest] if newest >= 0 else 1.0
    for i in range(decision_row.size):
        newest = max(newest, decision_row[i])
        found[i + 1] = factor[newest] if newest >= 0 else 1.0
    return found


def with_factors(rows: FloatArray, found: Sequence[dict[str, FloatArray]]) -> FloatArray:
    """Return the rows of a pass's terms with the factors of each lane; see ``tape.LoopTerms``.

    Parameters
    ----------
    rows
        Shape (n_lanes, len(StopTerms)); returned as they are where nothing is scaled.
    found
        Factors of each lane, see ``factors_at``.
    """
    names = [name for name in SCALABLE if any(name in one for one in found)]
    if not names:
        return rows
    first, room = rows.shape[1] + len(SCALABLE), max(one.size for known in found for one in known.values())
    wide = np.ones((len(found), first + len(names) * room))
    wide[:, : rows.shape[1]] = rows
    wide[:, StopTerms._fields.index("varies")] = [float("chandelier_stop" in one) for one in found]
    for at, name in enumerate(SCALABLE):
        begin = first + names.index(name) * room if name in names else -1
        wide[:, rows.shape[1] + at] = begin + 1
        for lane, one in enumerate(found):
            if name in one:
                wide[lane, begin : begin + one[name].size] = one[name]
    return wide


def inputs_document(inputs: StopInputs) -> dict[str, Any]:
    """Return inputs as a JSON document; see ``inputs_from_document``."""
    return {"atr": inputs.atr, "deviation": inputs.deviation, "scales": inputs.scales._asdict()}


def inputs_from_document(document: dict[str, Any]) -> StopInputs:
    """Return the inputs of a document; one from before there were scales has none."""
    scales = StopScales(**document.get("scales", {}))
    return StopInputs(float(document["atr"]), float(document["deviation"]), scales)


def values_in_force(strategy: Strategy, scales: StopScales, tightening: float) -> dict[str, float]:
    """Values that the declared stops of an entry at the next open would have, by name."""
    factors = dict(zip(SCALABLE, scales, strict=True))
    return {
        name: value * factors.get(name, 1.0) * (tightening if name in TIGHTENED else 1.0)
        for name, value in strategy.stop_values.items()
    }
