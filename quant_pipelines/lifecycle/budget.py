"""When a book at a venue is taken back that challenges nobody, pure: its loss budget and band.

Both are of what its record promised, so they are fixed before it starts. Neither asks for an edge: they say
that it has lost more than a book like its record loses, or that it is not such a book.
"""

import math

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import LadderSettings
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.lifecycle.anytime import evidence_below
from quant_pipelines.lifecycle.canary import bands_of

_LEAST_PROMISED_DAYS = 30


def loss_budget(promised: FloatArray, ladder: LadderSettings) -> float:
    """Largest fall from its highest level that a book may have, a fraction.

    Parameters
    ----------
    promised
        Daily out-of-sample returns of its verdict. ndarray of shape (n_days,), float64; may be empty.
    ladder
        ``live_loss_deviations`` annual standard deviations of those, and at most ``live_loss_fraction``,
        which it is also where the record has too few days to tell, or all the same.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.random.default_rng(1).normal(0.0, 0.01, 700)  # 19 % a year, nearly
    >>> round(loss_budget(days, LadderSettings()), 2), loss_budget(days[:5], LadderSettings())
    (0.28, 0.4)
    """
    if promised.size < _LEAST_PROMISED_DAYS or not promised.std() > 0.0:
        return ladder.live_loss_fraction
    deviation = float(promised.std(ddof=1)) * math.sqrt(YEAR_DAYS)
    return min(ladder.live_loss_fraction, ladder.live_loss_deviations * deviation)


def spent_by(
    levels: FloatArray, returns: FloatArray, promised: FloatArray, ladder: LadderSettings
) -> tuple[str, ...]:
    """Return what takes a book back, a sentence with its numbers each.

    Parameters
    ----------
    levels
        What it is worth, oldest first: when it began to trade what it trades, and at each day's end since,
        today's unfinished one included. ndarray of shape (n,), float64, quote.
    returns
        Of complete days since, fractions. ndarray of shape (n_days,), float64.
    promised
        Daily out-of-sample returns of its verdict. ndarray of shape (n_promised,), float64.
    ladder
        Budget, and the probability that the band takes back what keeps its promise.
    """
    found, highest, budget = list[str](), float(levels.max()), loss_budget(promised, ladder)
    fall = 1.0 - float(levels[-1]) / highest if highest > 0.0 else 1.0
    if fall > budget:
        found.append(f"it is {fall:.1%} below its highest level, more than its loss budget of {budget:.1%}")
    bands = bands_of(promised, ladder.canary_error)
    if bands is not None and returns.size:
        evidence = evidence_below(np.asarray(returns), bands.lowest_mean, bands.most)
        if evidence >= 1.0 / ladder.canary_error:
            found.append(
                f"evidence of {evidence:.1f} that its days lie below the band of {bands.lowest_mean:+.3%} a "
                f"day; {1.0 / ladder.canary_error:.0f} says so"
            )
    return tuple(found)
