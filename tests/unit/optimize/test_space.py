import numpy as np
import pytest

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.optimize.space import Dimension, space_of
from quant_pipelines.sdk import Array, Bars, Float, Int, Stops, Strategy


class Declared(Strategy):
    """Strategy with one parameter of each kind."""

    fast = Int(10, low=5, high=20)
    slow = Int(40, low=10, high=200, log=True)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2, log=True))

    def is_valid(self) -> bool:
        return self.fast < self.slow

    def target(self, bars: Bars) -> Array:
        return np.zeros(len(bars))


class Bare(Strategy):
    """Strategy without parameters."""


def test_space_is_what_the_strategy_declares() -> None:
    space = space_of(Declared)
    assert space.dimensions == (
        Dimension("fast", 5, 20, True),
        Dimension("slow", 10, 200, True, is_logarithmic=True),
        Dimension("hard_stop", 0.01, 0.2, False, is_logarithmic=True),
    )
    assert space.is_valid({"fast": 10, "slow": 40, "hard_stop": 0.05})
    assert not space.is_valid({"fast": 15, "slow": 12, "hard_stop": 0.05})


def test_corners_and_middle_of_the_cube_lie_in_the_box() -> None:
    space = space_of(Declared)
    assert space.at([0.0, 0.0, 0.0]) == {"fast": 5, "slow": 10, "hard_stop": pytest.approx(0.01)}
    top = space.at([1.0, 1.0, 1.0])
    assert top == {"fast": 20, "slow": 200, "hard_stop": pytest.approx(0.2)}
    assert space.at([0.5, 0.5, 0.5])["hard_stop"] == pytest.approx((0.01 * 0.2) ** 0.5)


def test_each_whole_number_is_reached() -> None:
    dimension = Dimension("fast", 5, 20, True)
    reached = {dimension.at(position) for position in np.linspace(0, 1, 400)}
    assert reached == set(range(5, 21))


def test_strategy_without_parameters_has_nothing_to_search() -> None:
    with pytest.raises(OptimizationError, match="Bare declares no parameter"):
        space_of(Bare)
