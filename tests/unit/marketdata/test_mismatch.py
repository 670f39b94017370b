"""Two sources' bars beside each other."""

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS, day_start_ms
from quant_pipelines.marketdata.checks import find_mismatches, other_venue
from quant_pipelines.marketdata.rollup import roll_up

DAY = day_start_ms("2024-03-15")


def bars(count: int, step_ms: int, start_ms: int = DAY) -> BarRows:
    ts = start_ms + step_ms * np.arange(count, dtype=np.int64)
    price = 100.0 + np.sin(ts / 7e6)
    flow = np.array(0.1 + np.arange(count) % 3, dtype=np.float64)
    return BarRows(ts, price, price + 1, price - 1, price + 0.5, flow, flow * price, np.ones(count, np.int64))


def without(rows: BarRows, positions: list[int]) -> BarRows:
    return BarRows(**{one.name: np.delete(getattr(rows, one.name), positions) for one in fields(rows)})


def changed(rows: BarRows, name: str, position: int, factor: float) -> BarRows:
    column = getattr(rows, name).copy()
    column[position] *= factor
    return replace(rows, **{name: column})


@pytest.mark.parametrize("name", ["open", "high", "low", "close", "volume"])
def test_difference_names_the_bars_of_its_day(name: str) -> None:
    own = bars(48, HOUR_MS)
    rolled = changed(changed(own, name, 30, 1.001), name, 40, 1.001)
    (found,) = find_mismatches(rolled, own).items()
    assert found[0] == date(2024, 3, 16)
    assert (found[1].check_name, found[1].severity) == ("roll_up_mismatch", "warning")
    assert found[1].times == (DAY + 30 * HOUR_MS, DAY + 40 * HOUR_MS)
    assert found[1].detail["column"] == name
    assert found[1].detail["ours"] == pytest.approx(found[1].detail["theirs"] * 1.001)


def test_wrong_price_blocks_and_wrong_volume_warns() -> None:
    own = bars(24, HOUR_MS)
    for name, severity in (("close", "block"), ("volume", "warning")):
        (finding,) = find_mismatches(changed(own, name, 5, 1.01), own).values()
        assert finding.severity == severity


def test_last_digits_of_a_sum_and_missing_quote_volume_are_no_difference() -> None:
    rolled = roll_up(bars(24 * 60, MINUTE_MS), "1h")
    own = changed(rolled, "volume", 3, 1 + 1e-13)
    assert find_mismatches(rolled, replace(own, quote_volume=np.zeros(24), trades=np.zeros(24, int))) == {}


def test_bars_that_only_one_side_has_are_not_compared() -> None:
    own = bars(24, HOUR_MS)
    assert find_mismatches(without(own, [3]), without(own, [5])) == {}
    assert find_mismatches(bars(0, HOUR_MS), own) == {}


def test_two_venues_may_differ_by_a_tolerance() -> None:
    own = bars(24, HOUR_MS)
    theirs = changed(changed(own, "close", 5, 1.0009), "close", 9, 1.002)
    (finding,) = find_mismatches(own, theirs, other_venue(0.001)).values()
    assert (finding.check_name, finding.severity, finding.times) == (
        "source_mismatch",
        "warning",
        (DAY + 9 * HOUR_MS,),
    )
