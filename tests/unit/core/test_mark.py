"""Mark prices as columns."""

import numpy as np
import pytest

from quant_pipelines.core.errors import DataError
from quant_pipelines.core.mark import MarkSeries


def points(*rows: tuple[int, float]) -> MarkSeries:
    ts, price = zip(*rows, strict=True)
    return MarkSeries.of_points(np.array(ts, dtype=np.int64), np.array(price), 10)


def test_index_price_stands_in_only_where_the_mark_is_unknown() -> None:
    filled = points((0, 100.0), (20, 102.0)).or_index(points((0, 90.0), (10, 91.0), (30, 93.0)))
    assert filled.ts.tolist() == [0, 10, 20, 30]
    assert filled.open.tolist() == [100.0, 91.0, 102.0, 93.0]
    assert filled.is_index.tolist() == [False, True, False, True]


def test_price_is_known_at_its_very_moment_only() -> None:
    known = points((0, 100.0), (10, 101.0)).at(np.array([0, 5, 10, 11]))
    np.testing.assert_array_equal(known, [100.0, np.nan, 101.0, np.nan])
    assert np.isnan(points((0, 100.0)).between(1, 9).at(np.array([0]))).all()


@pytest.mark.parametrize("rows", [((0, 100.0), (0, 101.0)), ((10, 100.0), (0, 101.0)), ((0, 0.0), (1, 1.0))])
def test_unordered_times_and_prices_that_are_none_are_refused(rows: tuple[tuple[int, float], ...]) -> None:
    with pytest.raises(DataError, match="expected"):
        points(*rows)
