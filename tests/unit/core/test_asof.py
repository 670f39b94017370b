from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.core.asof import KnownPoints, joined_points, no_points, rows_as_of, values_as_of
from quant_pipelines.core.funding import eight_hour_rates
from quant_pipelines.core.timeframes import HOUR_MS, MINUTE_MS


def points(*rows: tuple[int, int, float]) -> KnownPoints:
    ts, known_at, values = zip(*rows, strict=True)
    return KnownPoints(np.array(ts), np.array(known_at), np.array(values, dtype=float))


def at(*moments: int) -> np.ndarray:
    return np.array(moments, dtype=np.int64)


def test_a_value_is_seen_from_the_moment_on_at_which_it_is_known() -> None:
    assert rows_as_of(points((10, 15, 1.0)), at(9, 10, 14, 15, 16)).tolist() == [-1, -1, -1, 0, 0]


def test_what_arrives_late_does_not_take_the_place_of_what_is_newer() -> None:
    late = points((10, 40, 1.0), (20, 20, 2.0))
    assert values_as_of(late, at(19, 20, 39, 40, 50), 100).tolist()[1:] == [2.0, 2.0, 2.0, 2.0]


def test_a_revision_is_seen_from_when_it_was_known_on() -> None:
    revised = points((10, 10, 1.0), (10, 30, 1.5), (20, 20, 2.0), (20, 35, 2.5))
    assert values_as_of(revised, at(10, 20, 30, 35), 100).tolist() == [1.0, 2.0, 2.0, 2.5]


def test_a_value_that_is_too_old_is_unknown() -> None:
    values = values_as_of(points((10, 10, 1.0)), at(15, 16), max_age_ms=5)
    np.testing.assert_array_equal(values, [1.0, np.nan])


def test_nothing_is_known_of_nothing() -> None:
    assert np.isnan(values_as_of(no_points(), at(1, 2), 10)).all()


@pytest.mark.parametrize(
    ("hours", "interval"),
    [((0, 8, 16), 8), ((0, 4, 8), 4), ((0, 1, 2), 1), ((0, 16), 8), ((0,), 8), ((0, 3), 4)],
)
def test_rate_is_scaled_by_the_distance_to_the_payment_before(hours: tuple[int, ...], interval: int) -> None:
    paid = points(*((hour * HOUR_MS, hour * HOUR_MS, 0.0001) for hour in hours))
    assert eight_hour_rates(paid).values[-1] == pytest.approx(0.0001 * 8 / interval)


def test_a_payment_is_known_a_minute_behind_its_slot_at_the_earliest() -> None:
    paid = points((8 * HOUR_MS, 8 * HOUR_MS, 0.1), (16 * HOUR_MS, 17 * HOUR_MS, 0.2))
    assert eight_hour_rates(paid).known_at.tolist() == [8 * HOUR_MS + MINUTE_MS, 17 * HOUR_MS]


def test_interval_does_not_know_of_a_payment_that_arrived_later() -> None:
    paid = points(
        (0, 0, 0.1),
        (4 * HOUR_MS, 9 * HOUR_MS, 0.1),
        (8 * HOUR_MS, 8 * HOUR_MS, 0.1),
        (8 * HOUR_MS, 9 * HOUR_MS, 0.1),
    )
    assert eight_hour_rates(paid).values.tolist() == pytest.approx([0.1, 0.2, 0.1, 0.2])


@pytest.mark.parametrize("n_points", [0, 1, 3, 7])
def test_points_are_replaced_and_joined_whatever_their_number(n_points: int) -> None:
    row = np.arange(n_points)
    some = KnownPoints(row, row, row.astype(float))
    assert len(some) == n_points
    assert replace(some, values=some.values + 1.0).values.tolist() == (row + 1.0).tolist()
    joined = joined_points(some, no_points(), some)
    assert (len(joined), joined.ts.tolist()) == (2 * n_points, 2 * row.tolist())
