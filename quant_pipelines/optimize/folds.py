"""Where a walk-forward trains and where it tests: on a calendar that no end moves.

Days are counted from 1970-01-01, and a fold tests the same days whenever it is asked for: what one night
computed, no later night computes with other parameters.
"""

from dataclasses import dataclass

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, floor_ms, from_ms


@dataclass(frozen=True, slots=True)
class Fold:
    """One in-sample window and the out-of-sample window after it; all times are milliseconds UTC.

    Parameters
    ----------
    index
        Number on the calendar: the days before it, from 1970-01-01 on, are this many test windows.
    train_start_ms, train_end_ms
        In-sample bars open in ``[train_start_ms, train_end_ms)``; the start is a UTC midnight.
    test_start_ms, test_end_ms
        Out-of-sample bars open in ``[test_start_ms, test_end_ms)``; both are UTC midnights. An open fold
        ends where the data end, a finished one where the next one begins.
    is_open
        Whether days are still to come. The newest one is, and has no day yet where the end is an edge of the
        calendar.

    Examples
    --------
    >>> from quant_pipelines.core.search_settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS
    >>> from quant_pipelines.optimize.folds import rolling_folds
    >>> windows = WindowSettings(train_days=10, test_days=2, folds=1, purge_hours=6)
    >>> fold, following = rolling_folds(20 * DAY_MS, windows)
    >>> fold.test_start_ms / DAY_MS, fold.test_end_ms / DAY_MS
    (18.0, 20.0)
    >>> (fold.test_start_ms - fold.train_end_ms) / HOUR_MS  # the purge
    6.0
    >>> following.test_start_ms / DAY_MS, following.is_open
    (20.0, True)
    """

    index: int
    train_start_ms: int
    train_end_ms: int
    test_start_ms: int
    test_end_ms: int
    is_open: bool = False


def rolling_folds(end_ms: int, windows: WindowSettings) -> tuple[Fold, ...]:
    """Newest folds of the calendar, oldest first, whose test windows follow each other up to ``end_ms``.

    The last one is open: its parameters are fixed where its train window ends, they are what is traded next,
    and each day adds a day to its test. Where the end is one of the calendar's edges it has none yet, and
    comes on top of ``folds``. The least purge lies between train and test; where what was found has held for
    longer, its train window ends earlier, see ``purged``. The window is lengthened to the UTC midnight before
    it, so that its daily returns are whole days. With ``train_from`` all folds are anchored there: each
    trains on all days since, on ``train_days`` at least.

    Parameters
    ----------
    end_ms
        End of the last test window, a UTC midnight.
    windows
        Lengths, in days and hours; an open fold with days is one of ``folds``.

    Raises
    ------
    OptimizationError
        If the end is not a UTC midnight, or a length or the number of folds is not positive.
    ConfigurationError
        If ``train_from`` is no day.

    Examples
    --------
    >>> from quant_pipelines.core.search_settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.folds import rolling_folds
    >>> windows = WindowSettings(train_days=10, test_days=2, folds=3, purge_hours=0)
    >>> for fold in rolling_folds(21 * DAY_MS, windows):
    ...     train = fold.train_start_ms / DAY_MS, fold.train_end_ms / DAY_MS
    ...     print(fold.index, train, (fold.test_start_ms / DAY_MS, fold.test_end_ms / DAY_MS))
    8 (6.0, 16.0) (16.0, 18.0)
    9 (8.0, 18.0) (18.0, 20.0)
    10 (10.0, 20.0) (20.0, 21.0)
    >>> anchored = WindowSettings(train_days=5, test_days=2, folds=2, purge_hours=0, train_from="1970-01-03")
    >>> [fold.train_start_ms / DAY_MS for fold in rolling_folds(21 * DAY_MS, anchored)]
    [2.0, 2.0]
    """
    _require_usable(end_ms, windows)
    oldest = _oldest_index(end_ms, windows)
    open_now = end_ms // DAY_MS // windows.test_days
    return tuple(_fold(end_ms, windows, index) for index in range(oldest, open_now + 1))


def first_bar_ms(end_ms: int, windows: WindowSettings) -> int:
    """Open time of the oldest bar that any of ``rolling_folds`` needs, milliseconds UTC.

    Raises
    ------
    OptimizationError
        As ``rolling_folds`` does.

    Examples
    --------
    >>> from quant_pipelines.core.search_settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.folds import first_bar_ms
    >>> windows = WindowSettings(train_days=10, test_days=2, folds=3, purge_hours=0)
    >>> first_bar_ms(20 * DAY_MS, windows) / DAY_MS  # 10 days before the first of three tests
    4.0
    """
    _require_usable(end_ms, windows)
    return _fold(end_ms, windows, _oldest_index(end_ms, windows)).train_start_ms


def _oldest_index(end_ms: int, windows: WindowSettings) -> int:
    """Return the number of the first of as many folds as are wanted, up to the last day before the end."""
    newest = (end_ms // DAY_MS - 1) // windows.test_days
    return newest - windows.folds + 1


def _fold(end_ms: int, windows: WindowSettings, index: int) -> Fold:
    test_start = index * windows.test_days * DAY_MS
    next_start = test_start + windows.test_days * DAY_MS
    train_end = test_start - windows.purge_hours * HOUR_MS
    return Fold(
        index=index,
        train_start_ms=_train_start_ms(train_end, windows),
        train_end_ms=train_end,
        test_start_ms=test_start,
        test_end_ms=min(next_start, end_ms),
        is_open=end_ms < next_start,
    )


def _train_start_ms(train_end: int, windows: WindowSettings) -> int:
    rolling = floor_ms(train_end - windows.train_days * DAY_MS, DAY_MS)
    return min(rolling, day_start_ms(windows.train_from)) if windows.train_from else rolling


def _require_usable(end_ms: int, windows: WindowSettings) -> None:
    if end_ms % DAY_MS:
        raise OptimizationError(f"window end is {from_ms(end_ms):%Y-%m-%d %H:%M}; expected a UTC midnight")
    for name in ("train_days", "test_days", "folds", "min_folds"):
        if getattr(windows, name) < 1:
            raise OptimizationError(f"{name} is {getattr(windows, name)}; expected 1 or more")
    if windows.purge_hours < 0:
        raise OptimizationError(f"purge_hours is {windows.purge_hours}; expected 0 or more")
