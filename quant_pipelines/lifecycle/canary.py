"""What takes a challenger back, and when its stage is complete, pure: bounds that hold at every look.

PromisedBands and budget are fixed before it starts; nothing here asks for an edge.
"""

import math
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.stages import Stage
from quant_pipelines.lifecycle.anytime import empirical_bernstein, evidence_below, least_rate

_LEAST_PROMISED_DAYS = 30


class PromisedBands(NamedTuple):
    """Fixed before a stage starts: lowest promised mean, and where gains are cut; fractions a day."""

    lowest_mean: float
    most: float


def bands_of(promised: FloatArray, error: float) -> PromisedBands | None:
    """Bands of what a record promised; None where it has too few days, or all the same.

    Gains are cut at the promised 99 % quantile in both, so that the cut itself never makes a difference. The
    lowest mean lies as many standard errors of the record below its own mean as the error asks for.
    """
    if promised.size < _LEAST_PROMISED_DAYS or not np.std(promised) > 0.0:
        return None
    most = float(np.quantile(promised, 0.99))
    cut = np.minimum(promised, most)
    deviations = math.sqrt(2.0 * math.log(1.0 / error))
    lowest = float(cut.mean() - deviations * cut.std(ddof=1) / math.sqrt(cut.size))
    return PromisedBands(lowest, most) if most > lowest else None


class StageDone(NamedTuple):
    """What a challenger did in its stage.

    Parameters
    ----------
    stage, days
        Where it is, and whole days since it came there.
    shortfalls_bps
        Cost of each fill against its arrival price, positive when it cost. ndarray of shape (n_fills,).
    orders, rejected
        Orders that were sent, and those that the venue refused.
    lost
        Part of its capital that it has lost; below 0 when it gained.
    returns
        Of complete days, fractions. ndarray of shape (n_days,).
    halts
        Halts of it since it came there.
    """

    stage: Stage
    days: int
    shortfalls_bps: FloatArray
    orders: int
    rejected: int
    lost: float
    returns: FloatArray
    halts: int = 0


def harm_of(done: StageDone, bands: PromisedBands | None, ladder: LadderSettings) -> tuple[str, ...]:
    """Return what takes a challenger back, a sentence with its numbers each."""
    error, found = ladder.canary_error, list[str]()
    if done.halts:
        found.append(f"it was halted {done.halts} times")
    if done.lost > ladder.canary_loss_fraction:
        found.append(
            f"it has lost {done.lost:.2%} of its capital, more than {ladder.canary_loss_fraction:.2%}"
        )
    if bands is not None and done.returns.size:
        evidence = evidence_below(done.returns, bands.lowest_mean, bands.most)
        if evidence >= 1.0 / error:
            found.append(
                f"evidence of {evidence:.1f} that its days lie below the band of {bands.lowest_mean:+.3%} a "
                f"day; {1.0 / error:.0f} says so"
            )
    if done.stage == "canary":
        found += _of_execution(done, ladder)
    return tuple(found)


def _of_execution(done: StageDone, ladder: LadderSettings) -> list[str]:
    error, most, worst = ladder.canary_error, ladder.canary_shortfall_bps, ladder.canary_worst_fill_bps
    costs, found = done.shortfalls_bps, list[str]()
    if costs.size and costs.max() > worst:
        found.append(f"a fill cost {costs.max():.1f} bps against its arrival price, more than {worst:g}")
    elif costs.size:
        # What a fill gained is cut, which only helps to reject; what it cost never is.
        bounds = empirical_bernstein(np.maximum(costs, -worst), -worst, worst, error=error)
        if bounds.low > most:
            found.append(
                f"{costs.size} fills cost {costs.mean():.1f} bps on average, at least {bounds.low:.1f} with "
                f"confidence {1.0 - error:.0%}; expected at most {most:g}"
            )
    rate = least_rate(done.rejected, done.orders, error=error)
    if rate > ladder.canary_reject_rate:
        found.append(
            f"{done.rejected} of {done.orders} orders were rejected, a rate of at least {rate:.1%}; "
            f"expected at most {ladder.canary_reject_rate:.1%}"
        )
    return found


def missing_of(done: StageDone, ladder: LadderSettings) -> tuple[str, ...]:
    """Return what a stage lacks yet before it can be left forward, a sentence each."""
    least = {
        "paper": ladder.shadow_min_days,
        "shadow": ladder.shadow_min_days,
        "canary": ladder.canary_min_days,
    }
    needed, found = least.get(done.stage, 0), list[str]()
    if done.days < needed:
        found.append(f"it has been in {done.stage} for {done.days} days, at least {needed} are asked for")
    if done.stage == "canary" and done.shortfalls_bps.size < ladder.canary_min_fills:
        found.append(
            f"it has {done.shortfalls_bps.size} fills, at least {ladder.canary_min_fills} are asked for"
        )
    return tuple(found)


def is_overdue(done: StageDone, ladder: LadderSettings) -> bool:
    """Whether a canary has lasted so long without an end that a person must decide."""
    return done.stage == "canary" and done.days >= ladder.canary_max_days
