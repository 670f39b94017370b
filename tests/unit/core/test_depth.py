"""Sampled order books as ladders."""

import numpy as np
import pytest

from quant_pipelines.core.depth import BookSample, DepthSeries
from quant_pipelines.core.errors import DataError

BOOK = BookSample(1_000, [(99.0, 1.0), (98.0, 2.0)], [(101.0, 3.0)])


def test_ladder_has_the_distance_from_the_middle_and_ends_in_nothing() -> None:
    (ladder,) = DepthSeries.of_samples([BOOK]).ladders
    np.testing.assert_allclose(ladder[0], [[0.01, 3.0], [0.0, 0.0]])
    np.testing.assert_allclose(ladder[1], [[0.01, 1.0], [0.02, 2.0]])


@pytest.mark.parametrize("bids", [[(101.0, 1.0)], [(102.0, 1.0)], [], [(99.0, 0.0)]])
def test_crossed_or_one_sided_book_is_left_out(bids: list[tuple[float, float]]) -> None:
    assert len(DepthSeries.of_samples([BOOK._replace(bids=bids)])) == 0


def test_newest_sample_that_was_known_and_is_young_counts() -> None:
    series = DepthSeries.of_samples([BOOK, BOOK._replace(known_ms=2_000)], max_age_ms=500)
    rows = series.rows_at(np.array([999, 1_000, 1_500, 1_501, 1_999, 2_000]))
    assert rows.tolist() == [-1, 0, 0, -1, -1, 1]


def test_times_that_fall_are_refused() -> None:
    with pytest.raises(DataError, match="known_ms"):
        DepthSeries(np.array([2, 1]), np.zeros((2, 2, 1, 2)))
