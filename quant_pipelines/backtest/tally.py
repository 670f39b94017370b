"""Sums over the bars of a run: bars held, notional filled, drawdown."""

from typing import NamedTuple

from quant_pipelines.backtest.step import StepFill, StepOutcome
from quant_pipelines.core.jit import scalar


class Tally(NamedTuple):
    """Sums so far.

    Parameters
    ----------
    bars_held
        Bars at whose close a position was held.
    traded_notional
        Value of all fills, quote.
    peak
        Highest equity at a close, quote.
    max_drawdown
        Deepest fall from the peak before it, 0 or negative, as a fraction.
    """

    bars_held: int
    traded_notional: float
    peak: float
    max_drawdown: float


@scalar
def notional_of(fill: StepFill) -> float:
    """Value of a fill in quote, never negative."""
    return abs(fill.quantity) * fill.price


@scalar
def tally_bar(tally: Tally, outcome: StepOutcome) -> Tally:
    """Add a bar to the sums."""
    equity = outcome.state.equity
    traded = tally.traded_notional
    if outcome.has_fills:
        for fill in (outcome.gap_stop, outcome.closing, outcome.opening, outcome.stop):
            traded += notional_of(fill)  # one by one, as a book books them: sums are equal to the bit
    peak = max(tally.peak, equity)
    held = tally.bars_held + (1 if outcome.state.account.position != 0.0 else 0)
    return Tally(held, traded, peak, min(tally.max_drawdown, equity / peak - 1.0))


@scalar
def tally_end(tally: Tally, fill: StepFill, equity: float) -> Tally:
    """Add the closing fill behind the last bar to the sums."""
    deepest = min(tally.max_drawdown, equity / tally.peak - 1.0)
    return Tally(tally.bars_held, tally.traded_notional + notional_of(fill), tally.peak, deepest)
