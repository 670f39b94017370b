"""What of a strategy's declared parameters is searched."""

import argparse
import re
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.cli.parse import parameter_range
from quant_pipelines.core.errors import OptimizationError, StrategyError
from quant_pipelines.core.search_settings import ParameterRange
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.optimize.judge import Context, judge
from quant_pipelines.optimize.searchers import SEARCHERS, make_searcher
from quant_pipelines.optimize.sobol import sobol_points
from quant_pipelines.optimize.space import Dimension, Space, narrowed, space_of
from quant_pipelines.optimize.walk_forward import walk_forward
from quant_pipelines.sdk import Array, Bars, Choice, Float, Int, Stops, Strategy
from tests.unit.optimize.test_walk_forward import PLAN, KnownMarket


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


def test_many_points_are_the_sets_of_each_to_the_bit() -> None:
    dimensions = (
        Dimension("log", 0.002, 0.05, is_integer=False, is_logarithmic=True),
        Dimension("window", 5, 480, is_integer=True, is_logarithmic=True),
        Dimension("whole", 1, 9, is_integer=True),
        Dimension("step", 0.0, 1.0, is_integer=False, step=0.1),
        Dimension("name", 0, 2, is_integer=True, options=("a", "b", "c")),
    )
    points = np.random.default_rng(5).random((500, len(dimensions))).tolist()
    points += [[0.0] * len(dimensions), [1.0] * len(dimensions)]
    for space in (Space(dimensions, lambda _: True), Space(dimensions[:2], lambda _: True, {"whole": 3})):
        rows = [one[: len(space.dimensions)] for one in points]
        assert repr(space.all_at(rows)) == repr([space.at(one) for one in rows])
    assert Space((), lambda _: True).all_at([[], []]) == [{}, {}]


def test_each_whole_number_is_reached() -> None:
    dimension = Dimension("fast", 5, 20, True)
    reached = {dimension.at(position) for position in np.linspace(0, 1, 400)}
    assert reached == set(range(5, 21))


def test_strategy_without_parameters_has_nothing_to_search() -> None:
    with pytest.raises(OptimizationError, match="Bare declares no parameter"):
        space_of(Bare)


def ranges(*given: tuple[str, float, float, float]) -> list[ParameterRange]:
    return [ParameterRange(*one) for one in given]


BOX = Space(
    (Dimension("fast", 5, 60, is_integer=True), Dimension("width", 0.5, 4.0, is_integer=False)),
    is_valid=lambda values: values["fast"] < 50 * values["width"],
)


@pytest.mark.parametrize("searcher", ["grid", "sobol", "ga"])
def test_a_narrowed_space_is_all_that_any_searcher_asks_for(searcher: str) -> None:
    part = narrowed(BOX, ranges(("fast", 10, 30, 5), ("width", 1.5, 1.5, 0)))
    asked = make_searcher(searcher, part, trials=40, seed=1).ask()
    assert sorted(one["fast"] for one in asked) == [10, 15, 20, 25, 30]
    assert {one["width"] for one in asked} == {1.5}


def test_a_step_of_a_fraction_has_its_last_value() -> None:
    part = narrowed(BOX, ranges(("width", 0.5, 1.1, 0.1)))
    assert [part.dimensions[1].at(at / 7) for at in range(8)] == [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.1]
    assert part.dimensions[1].levels(3) == [0.5, 0.8, 1.1]


@pytest.mark.parametrize("searcher", ["grid", "sobol", "ga"])
def test_where_all_is_fixed_one_set_is_left(searcher: str) -> None:
    part = narrowed(BOX, ranges(("fast", 10, 10, 0), ("width", 2, 2, 0)))
    assert make_searcher(searcher, part, trials=40, seed=1).ask() == [{"fast": 10, "width": 2.0}]
    assert sobol_points(part, 8) == [{"fast": 10, "width": 2.0}]
    plan = replace(PLAN, space=narrowed(PLAN.space, ranges(("window", 7, 7, 0))), searcher=searcher)
    result = walk_forward(KnownMarket(), plan)
    assert judge(result, Context(GateSettings())).in_sample["own_trials"] == 4 + 1


class Chosen(Strategy):
    """Strategy with a choice."""

    average = Choice("sma", options=("ema", "sma", "wma"))
    window = Int(10, low=5, high=20)


def test_each_option_owns_an_equal_part_of_its_dimension() -> None:
    space = space_of(Chosen)
    assert [space.at([at / 6, 0.0])["average"] for at in range(7)] == [
        *("ema", "ema", "sma", "sma"),
        *("wma",) * 3,
    ]
    assert [space.dimensions[0].levels(count) for count in (1, 3, 9)] == [
        ["ema"],
        *[["ema", "sma", "wma"]] * 2,
    ]


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_fewer_options_are_searched_and_one_is_fixed(searcher: str) -> None:
    two, one = (
        narrowed(space_of(Chosen), [parameter_range(text), parameter_range("window=5:9")])
        for text in ("average=wma,ema", "average=wma")
    )
    for part, options in ((two, {"ema", "wma"}), (one, {"wma"})):
        asked = make_searcher(searcher, part, trials=40, seed=1).ask()
        assert {values["average"] for values in asked} == options
        assert all(Chosen(**values).parameters == values for values in asked)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("average=ema,hma", "space of average is ema,hma; expected options of ema, sma, wma"),
        ("average=0:2", "space of average is 0:2; expected options of ema, sma, wma"),
        ("window=ema", "space of window is ema; expected a range within 5:20"),
    ],
)
def test_options_that_cannot_be_used_are_refused(given: str, message: str) -> None:
    with pytest.raises(OptimizationError, match=re.escape(message)):
        narrowed(space_of(Chosen), [parameter_range(given)])


@pytest.mark.parametrize("options", [(), ("ema",), ("ema", "ema"), ("sma", "wma"), ("ema", "1 day")])
def test_a_choice_that_is_none_is_refused_where_it_is_declared(options: tuple[str, ...]) -> None:
    with pytest.raises(
        StrategyError, match="expected two or more different names, and the default among them"
    ):
        Choice("ema", options=options)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("fats", 5, 9, 0), "unknown parameter 'fats'; did you mean 'fast'?"),
        (("fast", 4, 9, 0), "space of fast is 4:9; expected a range within 5:60"),
        (("fast", 9, 8, 0), "space of fast is 9:8; expected a range within 5:60"),
        (("fast", 5.5, 9, 0), "space of fast is 5.5:9 in steps of 0; expected whole numbers"),
        (("fast", 5, 9, -1), "space of fast is 5:9 in steps of -1; expected steps above 0"),
        (("width", float("nan"), 2, 0), "space of width is nan:2; expected a range within 0.5:4"),
    ],
)
def test_a_range_that_cannot_be_used_is_refused(given: tuple[str, float, float, float], message: str) -> None:
    with pytest.raises(OptimizationError, match=re.escape(message)):
        narrowed(BOX, ranges(given))


def test_a_parameter_is_narrowed_once() -> None:
    with pytest.raises(OptimizationError, match="space names fast, fast; expected each once"):
        narrowed(BOX, ranges(("fast", 5, 9, 0), ("fast", 6, 9, 0)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fast=5:20", ParameterRange("fast", 5, 20)),
        ("width=1:2:0.25", ParameterRange("width", 1, 2, 0.25)),
        ("slow=90", ParameterRange("slow", 90, 90)),
        ("average=ema, sma", ParameterRange("average", options=("ema", "sma"))),
    ],
)
def test_a_range_is_read_as_it_is_written(text: str, expected: ParameterRange) -> None:
    assert parameter_range(text) == expected


@pytest.mark.parametrize("text", ["fast", "fast=", "fast=a:b", "fast=ema,", "fast=1:2:3:4", "=1:2"])
def test_a_text_that_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected"):
        parameter_range(text)
