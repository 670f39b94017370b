"""Whether a profit is a sold tail: how many gaps against the largest position it would pay for.

No test of means sees a loss that has not happened yet.
"""

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.optimize.evaluation import OutOfSample


def largest_exposure(test: OutOfSample, capital: float) -> float:
    """Largest position of a record, notional over the equity at the beginning of its day.

    A round trip counts with all that was entered, at its average entry: one that was enlarged again after it
    was reduced counts for more than was ever held at once. What is still held counts by each day's mean.

    Parameters
    ----------
    test
        A record from its first day on, which is where the first round trip begins, with ``entry_time``,
        ``quantity`` and ``entry_price`` of each.
    capital
        Equity at its begin, quote.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.stress import largest_exposure
    >>> second = {"entry_time": DAY_MS, "exit_time": 2 * DAY_MS, "quantity": 3.0, "entry_price": 100.0}
    >>> test = OutOfSample(DAY_MS * np.arange(2), np.array([0.5, 0.0]), trades=(second,))
    >>> largest_exposure(test, capital=1_000.0)  # 300 of 1,500
    0.2
    """
    equity = capital * np.cumprod(np.concatenate([[1.0], 1.0 + test.returns]))
    entered = [trade["quantity"] * trade["entry_price"] for trade in test.trades]
    days = np.searchsorted(test.days, [trade["entry_time"] for trade in test.trades], side="right") - 1
    held = np.abs(test.exposure[np.isfinite(test.exposure)])
    return float(max([*(entered / equity[days] if entered else ()), *held], default=0.0))


def gaps_paid_for(returns: FloatArray, exposure: float, gap: float) -> float | None:
    """How many gaps against the largest position the cumulated profit would pay for; None if none was held.

    Parameters
    ----------
    returns
        Daily net returns out of sample, fractions of the equity. ndarray of shape (n_days,), float64.
    exposure
        Largest position held, notional over equity.
    gap
        Move of the price against it that no stop catches, a fraction of the price.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.stress import gaps_paid_for
    >>> gaps_paid_for(np.full(128, 0.0078125), exposure=2.0, gap=0.25)  # 100 % earned, 50 % lost in each
    2.0
    """
    loss = exposure * gap
    return float(returns.sum()) / loss if loss > 0.0 else None
