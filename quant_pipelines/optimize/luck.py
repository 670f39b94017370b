"""How likely the days of one deployment are luck, and when more is known: in numbers and in words.

It looks at the days that it traded, once: whoever looks at many deployments, or every day, finds a lucky one
more often. Nothing is decided by it.

References
----------
.. [1] Bailey, Lopez de Prado (2012), The Sharpe Ratio Efficient Frontier, Journal of Risk 15(2), equation 11.
"""

import math
from statistics import NormalDist
from typing import Final, NamedTuple

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.outcome import CriticalAhead, capital_outcome
from quant_pipelines.optimize.overfit import moments_of, probabilistic_sharpe_ratio

FEWEST_DAYS: Final = 20
"""With fewer, not even the scatter of its days is known."""
RARE: Final = 0.05
"""What luck does so seldom is taken for more than luck."""
_NORMAL = NormalDist()
_MOST_SURE = 1e-12


class Luck(NamedTuple):
    """What the days of one deployment say of luck; None where it can't be told.

    Parameters
    ----------
    days
        Complete days that it traded, with what trades now.
    probability
        That days without an edge earn as much for their scatter, [1]_.
    sharpe, sharpe_low, sharpe_high
        Annual, shrunk toward 0 by what is believed of strategies, with its 80 % range.
    more_days, fewest_more_days, most_more_days
        Days until luck would do as well in `RARE` of cases only: with a chance of a half, of 10 %, of 90 %.
    sentence
        The same in words.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.luck import luck_of
    >>> told = luck_of(np.random.default_rng(1).normal(0.002, 0.01, 60))
    >>> told.days, told.sharpe_low < told.sharpe < told.sharpe_high
    (60, True)
    """

    days: int
    probability: float | None
    sharpe: float | None
    sharpe_low: float | None
    sharpe_high: float | None
    more_days: int | None
    fewest_more_days: int | None
    most_more_days: int | None
    sentence: str


def luck_of(returns: FloatArray) -> Luck:
    """Tell how likely luck is.

    Parameters
    ----------
    returns
        Simple returns of complete days, oldest first; shape (n_days,), without NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.luck import luck_of
    >>> luck_of(np.array([0.01, -0.01])).sentence
    'nothing can be told of luck yet: it has 2 complete days; ask again in 18 days'
    >>> days = np.random.default_rng(1).normal(0.002, 0.01, 60)
    >>> told = luck_of(days)
    >>> told.sentence.split(";")[0]
    'without an edge, luck does as well in 60 days in 10 % of cases'
    """
    moments = moments_of(returns)
    if moments.n_observations < FEWEST_DAYS:
        return _unknown(moments.n_observations, f"ask again in {FEWEST_DAYS - moments.n_observations} days")
    if math.isnan(moments.sharpe):
        return _unknown(moments.n_observations, "its days do not differ")
    sure = probabilistic_sharpe_ratio(**moments._asdict())
    statistic = _NORMAL.inv_cdf(min(max(sure, _MOST_SURE), 1.0 - _MOST_SURE))
    ahead = CriticalAhead(_NORMAL.inv_cdf(1.0 - RARE), spent=lambda _: 1.0)
    passed = statistic > ahead.at_last
    outcome = capital_outcome(statistic, moments.n_observations, ahead, passed=passed)
    known = (outcome.more_days, outcome.fewest_more_days, outcome.most_more_days)
    told = Luck(moments.n_observations, 1.0 - sure, *outcome[4:], *known, "")
    return told._replace(sentence=f"{_odds(told)}; {_range(told)}; {_when(told)}")


def _unknown(days: int, why: str) -> Luck:
    said = f"nothing can be told of luck yet: it has {days} complete days; {why}"
    return Luck(days, None, None, None, None, None, None, None, said)


def _odds(told: Luck) -> str:
    share = told.probability or 0.0
    percent = f"{100 * share:.0f} %" if 0.01 <= share <= 0.99 else "fewer than 1 %"
    percent = "more than 99 %" if share > 0.99 else percent
    return f"without an edge, luck does as well in {told.days} days in {percent} of cases"


def _range(told: Luck) -> str:
    ends = f"{told.sharpe_low:.1f} to {told.sharpe_high:.1f}"
    return f"its Sharpe ratio, shrunk, is {told.sharpe:.1f} a year (80 %: {ends})"


def _when(told: Luck) -> str:
    """Say when more is known: about how many more days, with the ends of their range."""
    rare = f"{100 * RARE:.0f} %"
    if told.more_days == 0:
        return f"at one look that is more than luck, which reaches it in {rare} at most"
    if told.fewest_more_days is None:
        return "going on like this, no number of days would show an edge"
    few, most = told.fewest_more_days, told.most_more_days
    ends = f"{few} to {most}" if most is not None else f"{few} or more"
    if told.more_days is None:
        return f"{few} more days at the least until luck would do so in {rare} only, more likely never"
    return f"about {told.more_days} more days ({ends}) until luck would do so in {rare} only"
