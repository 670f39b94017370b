"""Checks of what is not bars: funding, tops of books, revisions, the order of a file."""

from datetime import date

import numpy as np
import pytest

from quant_pipelines.core.known_funding import funding_intervals
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from quant_pipelines.marketdata.checks import check_funding, check_tops
from quant_pipelines.marketdata.checks.revisions import finding_of
from quant_pipelines.marketdata.checks.times import find_unordered
from quant_pipelines.store.findings import Revision

DAY = day_start_ms("2024-03-15")


def payments(*hours: float) -> np.ndarray:
    return DAY + np.array([round(hour * HOUR_MS) for hour in hours], dtype=np.int64)


def faults(stamps: np.ndarray) -> dict[str, list[float]]:
    """Hours of the day at fault, by the name of the check."""
    found: dict[str, list[float]] = {}
    for findings in check_funding(stamps).values():
        for finding in findings:
            hours = [(ts - DAY) / HOUR_MS for ts in finding.times]
            found[finding.check_name] = found.get(finding.check_name, []) + hours
    return found


@pytest.mark.parametrize(
    "hours",
    [
        pytest.param((0, 8, 16, 24), id="every eight hours"),
        pytest.param((0, 4, 8, 9, 10, 11), id="from four hours to one"),
        pytest.param((10, 11, 12, 13, 16, 20, 24), id="from one hour to four, beside the new grid"),
        pytest.param((0, 8, 16, 20, 24), id="from eight hours to four"),
        pytest.param((0, 8.000005, 16.004), id="milliseconds and seconds after the slot"),
        pytest.param((8,), id="one payment"),
        pytest.param((), id="none"),
    ],
)
def test_payments_in_their_slots_are_not_blamed(hours: tuple[float, ...]) -> None:
    assert faults(payments(*hours)) == {}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((0, 8, 24, 32), {"missing_funding": [16.0]}),
        ((0, 4, 12, 16), {"missing_funding": [8.0]}),
        ((0, 1, 2, 5, 6, 7), {"missing_funding": [3.0, 4.0]}),
        ((0, 8, 32, 40), {"missing_funding": [16.0, 24.0]}),
        ((0, 8, 16.5, 24), {"off_slot_funding": [16.5]}),
        ((0, 8, 11, 16, 24), {"off_slot_funding": [11.0]}),
        ((0, 8, 8.0001, 16), {"off_slot_funding": [8.0001]}),
    ],
)
def test_payment_beside_its_slot_or_missing_is_found(
    hours: tuple[float, ...], expected: dict[str, list[float]]
) -> None:
    found = faults(payments(*hours))
    assert {name: pytest.approx(times, abs=1e-6) for name, times in found.items()} == expected


def test_interval_is_read_from_the_payments() -> None:
    assert funding_intervals(np.array([0, 4, 8, 9, 10])).tolist() == [4, 4, 1, 1, 1]


def test_crossed_and_locked_tops_are_counted_by_day() -> None:
    ts = DAY + np.array([0, MINUTE_MS, DAY_MS, DAY_MS + 1], dtype=np.int64)
    found = check_tops(ts, np.array([10.0, 11.0, 10.0, 9.0]), np.array([11.0, 10.5, 10.0, 10.0]))
    assert {day: (finding.count, finding.detail) for day, finding in found.items()} == {
        date(2024, 3, 15): (1, {"crossed": 1, "locked": 0}),
        date(2024, 3, 16): (1, {"crossed": 0, "locked": 1}),
    }


def test_largest_revision_is_shown() -> None:
    old = dict.fromkeys(("open", "high", "low", "close", "volume"), 100.0)
    finding = finding_of(
        [Revision(DAY, old, old | {"volume": 1.0}), Revision(DAY + 1, old, old | {"low": 99.0})]
    )
    assert (finding.check_name, finding.count) == ("revised_bars", 2)
    assert finding.detail["largest_change"] == pytest.approx(0.01)


def test_rows_out_of_order_are_told() -> None:
    ts = DAY + np.array([0, 2, 1, 3], dtype=np.int64) * MINUTE_MS
    assert find_unordered(ts)[date(2024, 3, 15)].times == (DAY + MINUTE_MS,)
    assert find_unordered(np.sort(ts)) == {}
