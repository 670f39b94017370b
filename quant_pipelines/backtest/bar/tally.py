"""Sums over the bars of a run: bars held, notional filled, drawdown."""

from typing import NamedTuple

from quant_pipelines.backtest.bar.state import StepFill, StepOutcome
from quant_pipelines.core.jit import change_of, scalar


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


_traded = change_of(Tally, "traded_notional", "max_drawdown")


@scalar
def notional_of(fill: StepFill) -> float:
    """Value of a fill in quote, never negative."""
    return abs(fill.quantity) * fill.price


@scalar
def traded_in(traded: float, outcome: StepOutcome) -> float:
    """Add the value of a bar's fills to a sum."""
    if outcome.has_fills:
        for fill in (outcome.gap_stop, outcome.closing, outcome.opening, outcome.stop, outcome.goal):
            traded += notional_of(fill)  # one by one, as a book books them: sums are equal to the bit
    return traded


@scalar
def drawdown_after(drawdown: float, peak: float, equity: float) -> float:
    """Deepest fall after a close, 0 or negative; it is divided only where it deepens, as the loop does."""
    fall = peak - equity
    return 0.0 - fall / peak if fall > (0.0 - drawdown) * peak else drawdown


@scalar
def tally_after(tally: Tally, traded: float, is_held: bool, equity: float) -> Tally:
    """Move sums on by a close: all that was traded by then, whether a position is held, and the equity."""
    peak = max(tally.peak, equity)
    deepest = drawdown_after(tally.max_drawdown, peak, equity)
    return Tally(tally.bars_held + (1 if is_held else 0), traded, peak, deepest)


@scalar
def tally_end(tally: Tally, fill: StepFill, equity: float) -> Tally:
    """Add the closing fill after the last bar to the sums."""
    deepest = drawdown_after(tally.max_drawdown, tally.peak, equity)
    return _traded(tally, traded_notional=tally.traded_notional + notional_of(fill), max_drawdown=deepest)
