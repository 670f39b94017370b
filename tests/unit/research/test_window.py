"""How many folds a history allows, and on which bars they execute."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bars_alone import BarsAlone
from quant_pipelines.core.bars import Bars, empty_bars
from quant_pipelines.core.errors import DataError, OptimizationError
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, day_start_ms, timeframe_ms
from quant_pipelines.optimize.folds import first_bar_ms
from quant_pipelines.research.history import Needed, load_history
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.window import settle_window

END = day_start_ms("2025-06-11")  # an edge of the calendar
WINDOWS = WindowSettings(train_days=10, test_days=3, folds=6, purge_hours=4)
JOB = OptimizationJob("ema_cross", "BTC/USDT:USDT", "1h", END, WINDOWS)
DAYS_OF = {folds: 11 + 3 * folds for folds in range(1, 7)}


class Held(BarsAlone):
    """Bars from a moment on in each timeframe that it has; the shortest lack some hours after ``hole_ms``."""

    def __init__(self, starts: dict[str, int], hole_ms: int = 0, hole_hours: int = 0) -> None:
        super().__init__(END)
        self._starts = starts
        self._patchy = min(starts, key=timeframe_ms, default="")
        self._hole = (hole_ms, hole_ms + hole_hours * HOUR_MS)

    def bars(self, symbol: str, timeframe: str, window: Window) -> Bars:
        if timeframe not in self._starts:
            return empty_bars(symbol, timeframe)
        step_ms = timeframe_ms(timeframe)
        ts = np.arange(
            max(self._starts[timeframe], window.start_ms), min(window.end_ms, END), step_ms, dtype=np.int64
        )
        if timeframe == self._patchy:
            ts = ts[(ts < self._hole[0]) | (ts >= self._hole[1])]
        price = np.full(ts.size, 100.0)
        return Bars(symbol, timeframe, ts, price, price, price, price, price)


def hours_of(days: float) -> Held:
    return Held({"1h": END - int(days * DAY_MS)})


@pytest.mark.parametrize(
    ("days", "folds"), [(400, 6), (29, 6), (28.75, 5), (26, 5), (24, 4), (23, 4), (22.75, 3), (20, 3)]
)
def test_folds_are_as_many_as_the_history_allows(days: float, folds: int) -> None:
    assert settle_window(JOB, hours_of(days)).folds == folds


def test_folds_that_are_left_are_the_newest() -> None:
    settled = settle_window(JOB, hours_of(23))
    assert first_bar_ms(END, replace(WINDOWS, folds=settled.folds or 0)) == END - DAYS_OF[4] * DAY_MS
    assert settled.window_end_ms == END


def test_too_few_folds_fail_with_field_value_and_what_is_expected() -> None:
    sentence = (
        r"BTC/USDT:USDT 1h: folds is 2 of 6, because bars are 456 from 2025-05-23 00:00 to 2025-06-11 00:00; "
        r"expected 3 or more, which need 480 from 2025-05-22 00:00 to 2025-06-11 00:00"
    )
    with pytest.raises(DataError, match=sentence):
        settle_window(JOB, hours_of(19))


def test_no_bars_at_all_are_told() -> None:
    with pytest.raises(DataError, match="folds is 0 of 6, because bars are none; expected 3 or more"):
        settle_window(JOB, Held({}))


@pytest.mark.parametrize(
    ("min_folds", "wanted", "days", "folds"), [(1, 6, 14, 1), (9, 2, 17, 2), (3, 2, 17, 2)]
)
def test_fewest_folds_are_a_setting_and_never_more_than_wanted(
    min_folds: int, wanted: int, days: int, folds: int
) -> None:
    job = replace(JOB, windows=replace(WINDOWS, folds=wanted, min_folds=min_folds))
    assert settle_window(job, hours_of(days)).folds == folds


def test_hole_in_the_oldest_days_costs_the_folds_that_lie_over_it() -> None:
    source = Held({"1h": END - 40 * DAY_MS}, END - 27 * DAY_MS, hole_hours=12)
    assert settle_window(JOB, source).folds == 5


def test_settled_job_stays_as_it_is_when_history_grows() -> None:
    settled = settle_window(JOB, hours_of(23))
    assert settle_window(settled, hours_of(400)) == settled
    document = settled.to_document()
    assert OptimizationJob.from_document(document) == settled
    older = document | {"gates": document["gates"] | {"capital_min_psr": 0.95, "capital_min_dsr": 0.95}}
    assert OptimizationJob.from_document(older) == settled


def test_end_is_taken_from_the_history_where_the_job_has_none() -> None:
    assert settle_window(replace(JOB, window_end_ms=None), hours_of(40)).window_end_ms == END


def test_min_folds_below_one_are_refused() -> None:
    job = replace(JOB, windows=replace(WINDOWS, min_folds=0))
    with pytest.raises(OptimizationError, match="min_folds is 0; expected 1 or more"):
        settle_window(job, hours_of(40))


@pytest.mark.parametrize(
    ("minutes_from", "hole_hours", "executed_on"),
    [
        pytest.param(END - 20 * DAY_MS, 0, "1m", id="from the first bar on"),
        pytest.param(END - 40 * DAY_MS, 0, "1m", id="longer than the window"),
        pytest.param(END - 20 * DAY_MS, 4, "1m", id="with a small hole"),
        pytest.param(END - 20 * DAY_MS, 12, "1h", id="with a large hole"),
        pytest.param(END - 20 * DAY_MS + 60_000, 0, "1h", id="begin a minute inside the window"),
        pytest.param(END - 10 * DAY_MS, 0, "1h", id="begin in the middle of the window"),
        pytest.param(None, 0, "1h", id="are not there"),
    ],
)
def test_minutes_execute_only_where_they_cover_the_whole_window(
    minutes_from: int | None, hole_hours: int, executed_on: str
) -> None:
    starts = {"1h": END - 40 * DAY_MS}
    if minutes_from is not None:
        starts["1m"] = minutes_from
    source = Held(starts, END - 5 * DAY_MS, hole_hours)
    window = Window(END - 20 * DAY_MS, END)
    (history,) = load_history(source, [JOB.symbol], "1h", Needed(window, window)).members
    assert history.execution_bars.timeframe == executed_on
    assert history.bars.timeframe == "1h"
