import numpy as np
import pytest

from quant_pipelines.core.asof import KnownPoints
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.depth import BookSample, DepthSeries
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.funding import FundingSeries
from quant_pipelines.core.mark import MarkSeries
from quant_pipelines.core.price_factors import (
    PriceFactor,
    adjusted,
    adjusted_depth,
    adjusted_funding,
    adjusted_mark,
    adjusted_points,
    require_factors,
    scale_at,
)

BARS = Bars.of_closes([1.0, 2.0, 30.0, 60.0])
CHANGE = PriceFactor(int(BARS.ts[2]), 10.0)
MOMENTS = np.array([CHANGE.from_ms - 1, CHANGE.from_ms], dtype=np.int64)


def test_bars_before_a_change_are_read_in_the_new_scale() -> None:
    read = adjusted(BARS, [CHANGE])
    assert read.close.tolist() == [10.0, 20.0, 30.0, 60.0]
    assert read.volume.tolist() == [0.1, 0.1, 1.0, 1.0]
    assert np.array_equal(read.ts, BARS.ts)
    read.validated()


def test_changes_follow_each_other() -> None:
    second = PriceFactor(int(BARS.ts[3]), 0.5)
    assert scale_at(BARS.ts, [CHANGE, second]).tolist() == [5.0, 5.0, 0.5, 1.0]


@pytest.mark.parametrize("factors", [[], [PriceFactor(int(BARS.ts[0]), 10.0)]])
def test_bars_after_every_change_stay_the_same_object(factors: list[PriceFactor]) -> None:
    assert adjusted(BARS, factors) is BARS


def test_part_of_a_series_is_adjusted_as_the_whole_is() -> None:
    whole, part = adjusted(BARS, [CHANGE]), adjusted(BARS.rows(0, 1), [CHANGE])
    assert part.close.tolist() == whole.close[:1].tolist()


def test_prices_are_multiplied_and_quantities_divided_everywhere() -> None:
    points = KnownPoints(MOMENTS, MOMENTS, np.array([2.0, 2.0]))
    assert adjusted_points(points, "mark_close", [CHANGE]).values.tolist() == [20.0, 2.0]
    assert adjusted_points(points, "open_interest", [CHANGE]).values.tolist() == [0.2, 2.0]
    assert adjusted_points(points, "funding_rate", [CHANGE]).values.tolist() == [2.0, 2.0]
    mark = adjusted_mark(MarkSeries.of_points(MOMENTS, np.array([2.0, 2.0]), 1), [CHANGE])
    assert mark.open.tolist() == [20.0, 2.0]
    paid = adjusted_funding(FundingSeries(MOMENTS, np.array([1e-4, 1e-4]), np.array([2.0, np.nan])), [CHANGE])
    assert paid.rate.tolist() == [1e-4, 1e-4]
    assert paid.mark_price[0] == 20.0


def test_order_books_keep_their_distances_and_their_value() -> None:
    books = DepthSeries.of_samples(BookSample(int(at), [(99.0, 5.0)], [(101.0, 5.0)]) for at in MOMENTS)
    read = adjusted_depth(books, [CHANGE])
    assert read.ladders[0, :, :, 1].tolist() == [[0.5], [0.5]]
    assert read.ladders[1].tolist() == books.ladders[1].tolist()
    assert np.array_equal(read.ladders[..., 0], books.ladders[..., 0])


@pytest.mark.parametrize("factor", [0.0, -2.0, 1.0, float("nan"), float("inf")])
def test_factor_that_is_none_is_refused(factor: float) -> None:
    with pytest.raises(ConfigurationError, match=f"factor is {factor}; expected a number above 0"):
        require_factors([PriceFactor(0, factor)])


def test_two_factors_of_one_time_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected one at a time"):
        require_factors([PriceFactor(0, 2.0), PriceFactor(0, 3.0)])
