import itertools

import pytest

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.settings import WindowSettings
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms
from quant_pipelines.optimize.folds import final_window, rolling_folds

END = day_start_ms("2025-06-01")


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
    assert len(folds) == windows.folds
    assert folds[-1].test_end_ms == END
    for earlier, later in itertools.pairwise(folds):
        assert earlier.test_end_ms == later.test_start_ms
    for fold in folds:
        assert fold.test_start_ms - fold.train_end_ms == windows.purge_hours * HOUR_MS
        assert fold.train_start_ms % DAY_MS == 0
        assert 0 <= fold.train_end_ms - fold.train_start_ms - windows.train_days * DAY_MS < DAY_MS


def test_default_hour_windows_need_ninety_one_days() -> None:
    assert END - rolling_folds(END, WindowSettings())[0].train_start_ms == 91 * DAY_MS


def test_final_window_is_the_newest() -> None:
    assert final_window(END, WindowSettings(train_days=30)) == (END - 30 * DAY_MS, END)


def test_end_off_midnight_is_refused() -> None:
    with pytest.raises(OptimizationError, match="expected a UTC midnight"):
        rolling_folds(END + HOUR_MS, WindowSettings())


def test_no_folds_are_refused() -> None:
    with pytest.raises(OptimizationError, match="folds is 0; expected 1 or more"):
        rolling_folds(END, WindowSettings(folds=0))
