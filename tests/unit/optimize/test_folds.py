import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.errors import ConfigurationError, OptimizationError
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms
from quant_pipelines.optimize.folds import Fold, first_bar_ms, rolling_folds

END = day_start_ms("2025-06-11")  # an edge of the calendar for windows of 1, 3 and 10 days
DEFAULT = WindowSettings()


@pytest.mark.parametrize(
    "windows",
    [
        WindowSettings(),
        WindowSettings(train_days=10, test_days=3, folds=6, purge_hours=4),
        WindowSettings(train_days=1, test_days=1, folds=1, purge_hours=0),
    ],
)
def test_test_windows_follow_each_other_up_to_the_end(windows: WindowSettings) -> None:
    folds = rolling_folds(END, windows)
    assert len(folds) == windows.folds + 1
    assert (folds[-1].test_start_ms, folds[-1].test_end_ms, folds[-1].is_open) == (END, END, True)
    assert not any(fold.is_open for fold in folds[:-1])
    for earlier, later in itertools.pairwise(folds):
        assert earlier.test_end_ms == later.test_start_ms
    for fold in folds:
        assert fold.test_start_ms - fold.train_end_ms == windows.purge_hours * HOUR_MS
        assert fold.train_start_ms % DAY_MS == 0
        assert 0 <= fold.train_end_ms - fold.train_start_ms - windows.train_days * DAY_MS < DAY_MS


def test_default_hour_windows_need_ninety_one_days() -> None:
    assert END - rolling_folds(END, WindowSettings())[0].train_start_ms == 91 * DAY_MS


def test_end_off_midnight_is_refused() -> None:
    with pytest.raises(OptimizationError, match="expected a UTC midnight"):
        rolling_folds(END + HOUR_MS, WindowSettings())


def test_no_folds_are_refused() -> None:
    with pytest.raises(OptimizationError, match="folds is 0; expected 1 or more"):
        rolling_folds(END, WindowSettings(folds=0))


@pytest.mark.parametrize("days", range(10))
def test_open_fold_has_the_days_up_to_the_end(days: int) -> None:
    *finished, newest = rolling_folds(END + days * DAY_MS, DEFAULT)
    assert (newest.test_start_ms, newest.test_end_ms) == (END, END + days * DAY_MS)
    assert all(fold.test_end_ms - fold.test_start_ms == 10 * DAY_MS for fold in finished)
    assert newest.train_end_ms == END - 24 * HOUR_MS


@given(
    windows=st.builds(
        WindowSettings,
        train_days=st.integers(1, 60),
        test_days=st.integers(1, 40),
        folds=st.integers(1, 12),
        purge_hours=st.integers(0, 100),
    ),
    end_day=st.integers(19_000, 21_000),
    later=st.integers(0, 60),
)
def test_day_belongs_to_the_same_fold_whatever_the_end(
    windows: WindowSettings, end_day: int, later: int
) -> None:
    before = trained_by_day(rolling_folds(end_day * DAY_MS, windows))
    after = trained_by_day(rolling_folds((end_day + later) * DAY_MS, windows))
    common = before.keys() & after.keys()
    assert {day: before[day] for day in common} == {day: after[day] for day in common}
    assert later >= (windows.folds - 1) * windows.test_days or common


def trained_by_day(folds: tuple[Fold, ...]) -> dict[int, tuple[int, int, int]]:
    """Index and train window of the fold that each out-of-sample day belongs to."""
    return {
        day: (fold.index, fold.train_start_ms, fold.train_end_ms)
        for fold in folds
        for day in range(fold.test_start_ms, fold.test_end_ms, DAY_MS)
    }


@pytest.mark.parametrize(
    ("train_from", "first_day"),
    [("2024-01-01", "2024-01-01"), ("2025-04-11", "2025-04-11"), ("2025-06-01", "2025-05-11")],
)
def test_anchored_folds_train_from_one_day_on_and_long_enough(train_from: str, first_day: str) -> None:
    windows = WindowSettings(folds=1, train_from=train_from)  # a fold of its own would begin on 2025-05-01
    tested, following = rolling_folds(END, windows)
    assert following.train_start_ms == day_start_ms(first_day)
    assert tested.train_start_ms == min(day_start_ms("2025-05-01"), day_start_ms(train_from))
    assert [fold.test_start_ms for fold in (tested, following)] == [END - 10 * DAY_MS, END]
    assert tested.test_start_ms - tested.train_end_ms == 24 * HOUR_MS
    assert first_bar_ms(END, windows) == tested.train_start_ms


def test_a_train_day_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="day 'spring' is not a date; expected YYYY-MM-DD"):
        rolling_folds(END, WindowSettings(train_from="spring"))
