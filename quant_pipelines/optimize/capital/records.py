"""Days of one record, and what they say beyond holding the record's own average exposure."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray


class Unit(NamedTuple):
    """Record by name.

    Parameters
    ----------
    record_id
        Key of the record.
    strategy, timeframe, symbol
        What it is of; the symbol may be a set of instruments.
    pool
        Records that are asked together first: strategy, timeframe and version.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import Unit
    >>> Unit(7, "ema", "1h", "BTC", "ema 1h v1").pool
    'ema 1h v1'
    """

    record_id: int
    strategy: str
    timeframe: str
    symbol: str
    pool: str


class RecordDays(NamedTuple):
    """One record as it is stored: consecutive UTC days that never change.

    Parameters
    ----------
    unit
        Whose days.
    first_day
        Day of the first value.
    returns
        Daily returns after costs, fractions. ndarray of shape (n_days,), float64.
    exposure, holding
        See ``optimize.evaluation.OutOfSample``. Same shape; NaN on days of which they are not known.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from quant_pipelines.optimize.capital import RecordDays, Unit
    >>> flat = np.zeros(7)
    >>> record = RecordDays(Unit(1, "ema", "1h", "BTC", "ema 1h v1"), date(2026, 1, 1), flat, flat, flat)
    >>> record.last_day, record.is_held_known
    (datetime.date(2026, 1, 7), True)
    """

    unit: Unit
    first_day: date
    returns: FloatArray
    exposure: FloatArray
    holding: FloatArray

    @property
    def record_id(self) -> int:
        """Key of the record."""
        return self.unit.record_id

    @property
    def last_day(self) -> date:
        """Last day that is known."""
        return self.first_day + timedelta(days=self.returns.size - 1)

    @property
    def is_held_known(self) -> bool:
        """Whether exposure and holding are known of every day: the second null is tested of such a record."""
        return bool(np.isfinite(self.exposure).all() and np.isfinite(self.holding).all())

    def until(self, day: date) -> "RecordDays":
        """Return the days up to and with one."""
        n_days = max((day - self.first_day).days + 1, 0)
        parts = (self.returns[:n_days], self.exposure[:n_days], self.holding[:n_days])
        return self._replace(returns=parts[0], exposure=parts[1], holding=parts[2])

    def since(self, day: date) -> "RecordDays":
        """Return the days from one on."""
        left = max((day - self.first_day).days, 0)
        parts = (self.returns[left:], self.exposure[left:], self.holding[left:])
        first = max(self.first_day, day)
        return self._replace(first_day=first, returns=parts[0], exposure=parts[1], holding=parts[2])


def beyond_holding(returns: FloatArray, exposure: FloatArray, holding: FloatArray) -> FloatArray:
    """Daily returns less those of holding the average exposure of the days before, with funding.

    The average of earlier days alone, so that an old day never changes when the record grows. The first day
    has none before it and takes its own: a record that holds from its first day on is not credited with what
    the market did on it. A day of which either is not known stays as it is, and is in no average.

    Parameters
    ----------
    returns, exposure, holding
        See ``RecordDays``.

    Returns
    -------
    ndarray of shape (n_days,), float64

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.capital import beyond_holding
    >>> market = np.array([0.01, -0.02, 0.03])
    >>> beyond_holding(0.5 * market - 0.001, np.full(3, 0.5), market).round(6)  # its costs are left
    array([-0.001, -0.001, -0.001])
    """
    known = np.isfinite(exposure) & np.isfinite(holding)
    held = np.where(known, exposure, 0.0)
    n_before = np.cumsum(known, dtype=np.int64) - known.astype(np.int64)
    earlier = np.concatenate([np.zeros(1), np.cumsum(held)])[: held.size]
    average = np.where(n_before > 0, earlier / np.maximum(n_before, 1), held)
    return np.where(known, returns - average * np.where(known, holding, 0.0), returns)
