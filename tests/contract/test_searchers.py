"""One suite for every searcher."""

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from deap import base, creator, tools

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.optimize.pareto import best_first, crowding_of, fronts_of
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.searchers import SEARCHERS, make_searcher
from quant_pipelines.optimize.space import Dimension, Parameters, Space
from quant_pipelines.optimize.variation import ETA, GeneDraws, crossed, mutated

SPACE = Space(
    (
        Dimension("fast", 5, 60, True),
        Dimension("slow", 20, 240, True, is_logarithmic=True),
        Dimension("stop", 0.01, 0.1, False),
    ),
    is_valid=lambda values: values["fast"] < values["slow"],
)
TINY = Space((Dimension("window", 2, 4, True),), is_valid=lambda _: True)
KINDS = Space(
    (
        Dimension("window", 10, 30, True),
        Dimension("ratio", 0.001, 10.0, False, is_logarithmic=True),
        Dimension("side", 0, 2, True, options=("long", "short", "both")),
        Dimension("tenths", 0.0, 1.0, False, step=0.1),
    ),
    is_valid=lambda values: values["side"] != "short" or values["window"] < 20,
)
IMPOSSIBLE = Space(SPACE.dimensions, is_valid=lambda _: False)
POINT = Space((Dimension("window", 7, 7, True), Dimension("width", 2.0, 2.0, False)), is_valid=lambda _: True)
NARROW = Space(SPACE.dimensions, is_valid=lambda values: values["fast"] == 7 and values["slow"] < 60)
LEARNING = [name for name in SEARCHERS if name not in ("grid", "sobol")]


def objective(values: Parameters) -> float:
    return (
        -(((values["fast"] - 20) / 55) ** 2) - ((values["slow"] - 90) / 220) ** 2 - abs(values["stop"] - 0.05)
    )


def run(
    name: str,
    space: Space = SPACE,
    *,
    trials: int = 96,
    seed: int = 1,
    ranked: Callable[[Parameters], float] = objective,
) -> list[Trial]:
    searcher = make_searcher(name, space, trials=trials, seed=seed)
    done: list[Trial] = []
    while batch := searcher.ask():
        results = [Trial(values, ranked(values)) for values in batch]
        searcher.tell(results)
        done.extend(results)
    return done


def flat(_: Parameters) -> float:
    return 0.0


@pytest.mark.parametrize("space", [SPACE, KINDS], ids=["cross", "kinds"])
@pytest.mark.parametrize("name", SEARCHERS)
def test_every_set_is_valid_within_bounds_and_asked_once(name: str, space: Space) -> None:
    done = run(name, space, ranked=objective if space is SPACE else lambda values: -values["ratio"])
    keys = [space.key(trial.parameters) for trial in done]
    assert 0 < len(done) <= 96
    assert len(set(keys)) == len(keys)
    for trial in done:
        assert space.is_valid(trial.parameters)
        for dimension in space.dimensions:
            value = trial.parameters[dimension.name]
            if dimension.options:
                assert value in dimension.options
                continue
            assert dimension.low <= value <= dimension.high
            assert type(value) is (int if dimension.is_integer else float)


@pytest.mark.parametrize("best", ["long", "short", "both"])
@pytest.mark.parametrize("name", LEARNING)
def test_a_choice_is_learned_wherever_its_best_option_stands(name: str, best: str) -> None:
    done = run(name, KINDS, ranked=lambda values: float(values["side"] == best) - abs(values["tenths"] - 0.5))
    tried = [trial.parameters["side"] for trial in done]
    assert {*tried} == {"long", "short", "both"}
    assert tried[48:].count(best) > len(tried[48:]) / 3


@pytest.mark.parametrize("name", SEARCHERS)
def test_same_seed_gives_the_same_trials_whatever_the_global_generators_do(name: str) -> None:
    first = run(name)
    random.random()  # noqa: S311
    np.random.random()  # noqa: NPY002
    assert run(name) == first


@pytest.mark.parametrize("name", LEARNING)
def test_two_searches_in_one_process_do_not_disturb_each_other(name: str) -> None:
    alone = run(name, trials=48)
    one, other = (make_searcher(name, SPACE, trials=48, seed=seed) for seed in (1, 2))
    done = []
    while batch := one.ask():
        others = other.ask()
        other.tell([Trial(values, -objective(values)) for values in others])
        told = [Trial(values, objective(values)) for values in batch]
        one.tell(told)
        done += told
    assert done == alone


@pytest.mark.parametrize("name", SEARCHERS)
def test_global_generators_are_left_alone(name: str) -> None:
    before, numbers = random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    run(name, trials=32)
    assert random.getstate() == before
    assert np.array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002


@pytest.mark.parametrize("name", SEARCHERS)
def test_search_ends_when_the_space_is_used_up(name: str) -> None:
    assert sorted(trial.parameters["window"] for trial in run(name, TINY, ranked=flat)) == [2, 3, 4]


@pytest.mark.parametrize("name", SEARCHERS)
def test_one_point_is_tried_once(name: str) -> None:
    assert [one.parameters for one in run(name, POINT, ranked=flat)] == [{"window": 7, "width": 2.0}]


@pytest.mark.parametrize("name", SEARCHERS)
def test_space_without_a_dimension_is_its_one_set(name: str) -> None:
    fixed = Space((), is_valid=lambda _: True, fixed={"window": 5})
    assert [one.parameters for one in run(name, fixed, ranked=flat)] == [{"window": 5}]


@pytest.mark.parametrize("name", SEARCHERS)
def test_constraint_that_nothing_satisfies_ends_the_search_without_a_trial(name: str) -> None:
    assert run(name, IMPOSSIBLE, trials=16) == []


@pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "grid"])
def test_few_allowed_sets_are_found(name: str) -> None:
    done = run(name, NARROW, trials=8)
    assert done
    assert all(one.parameters["fast"] == 7 for one in done)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0], ids=str)
@pytest.mark.parametrize("name", SEARCHERS)
def test_values_that_teach_nothing_do_not_end_the_search(name: str, value: float) -> None:
    assert len(run(name, trials=48, ranked=lambda _: value)) >= (48 if name != "grid" else 16)


@pytest.mark.parametrize("name", LEARNING)
def test_sets_that_cannot_be_judged_are_never_taken_for_the_best(name: str) -> None:
    def broken(values: Parameters) -> float:  # a strategy that raises or never trades in a corner
        return math.nan if values["fast"] > 30 else objective(values)

    done = run(name, trials=192, ranked=broken)
    late = [one.parameters["fast"] for one in done[-64:]]
    assert np.median(late) < 30


@pytest.mark.parametrize("name", LEARNING)
def test_search_that_learns_beats_an_even_cover_of_the_space(name: str) -> None:
    def best(one: str) -> list[float]:
        return [max(trial.objective for trial in run(one, seed=seed)) for seed in range(1, 6)]

    assert np.median(best(name)) > np.median(best("sobol"))


def test_generations_fill_the_lanes_of_the_backtest() -> None:
    for name in LEARNING:
        assert len(make_searcher(name, SPACE, trials=200, seed=1).ask()) % 8 == 0


@pytest.mark.parametrize(("name", "is_spread"), [("nsga2", True), ("ga", False)])
def test_only_the_pareto_search_keeps_what_is_calm_beside_what_earns_most(name: str, is_spread: bool) -> None:
    searcher = make_searcher(name, SPACE, trials=160, seed=1)
    done: list[Trial] = []
    while batch := searcher.ask():
        told = [Trial(one, one["stop"], drawdown=one["stop"] ** 2 + one["fast"] / 1e3) for one in batch]
        searcher.tell(told)
        done += told
    stops = [one.parameters["stop"] for one in done[-48:]]
    assert max(stops) > 0.099
    assert (min(stops) < 0.05) == is_spread


def test_unknown_searcher_suggests_the_nearest() -> None:
    with pytest.raises(OptimizationError, match="unknown searcher 'grdi'; did you mean 'grid'"):
        make_searcher("grdi", SPACE, trials=8, seed=1)


@pytest.mark.parametrize("seed", range(40))
def test_crossover_is_that_of_deap(seed: int) -> None:
    pair = np.random.default_rng(seed).random((2, 6))
    pair[1, 0] = pair[0, 0]  # genes that are alike don't cross
    first, second = pair.tolist()
    random.seed(seed)
    tools.cxSimulatedBinaryBounded(first, second, eta=ETA, low=0.0, up=1.0)
    replayed, draws = random.Random(seed), np.ones((3, 6))  # noqa: S311
    for gene in range(6):
        draws[0, gene] = replayed.random()
        if draws[0, gene] <= 0.5 and gene:
            draws[1:, gene] = replayed.random(), replayed.random()
    ours = crossed(pair[:1], pair[1:], GeneDraws(*draws[:, None]))
    np.testing.assert_allclose(ours[0], first, rtol=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_mutation_is_that_of_deap(seed: int) -> None:
    point = np.random.default_rng(seed).random(4)
    moved = point.tolist()
    random.seed(seed)
    tools.mutPolynomialBounded(moved, eta=ETA, low=0.0, up=1.0, indpb=0.25)
    replayed, draws = random.Random(seed), np.ones((3, 4))  # noqa: S311
    for gene in range(4):
        draws[0, gene] = replayed.random()
        if draws[0, gene] <= 0.25:
            draws[1, gene] = replayed.random()
    np.testing.assert_allclose(mutated(point[None], GeneDraws(*draws[:, None]))[0], moved, rtol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_fronts_and_survivors_are_those_of_deap(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(24, 2))
    if not hasattr(creator, "TwoHighs"):
        creator.create("TwoHighs", base.Fitness, weights=(1.0, 1.0))
        creator.create("Pair", list, fitness=creator.TwoHighs)
    population = [creator.Pair([number]) for number in range(24)]
    for one, both in zip(population, values.tolist(), strict=True):
        one.fitness.values = both
    fronts = tools.sortNondominated(population, 24)
    own = fronts_of(values)
    assert [sorted(one[0] for one in front) for front in fronts] == [
        np.flatnonzero(own == number).tolist() for number in range(len(fronts))
    ]
    tools.emo.assignCrowdingDist(fronts[0])
    first = [one[0] for one in fronts[0]]
    np.testing.assert_allclose(crowding_of(values[first]), [one.fitness.crowding_dist for one in fronts[0]])
    chosen = [one[0] for one in tools.selNSGA2(population, 12)]
    alone = {one[0]: one.fitness.crowding_dist for one in population if hasattr(one.fitness, "crowding_dist")}
    ranked = [(own[at], -alone[at]) for at in best_first(values)[:12].tolist()]
    assert ranked == sorted((own[at], -alone[at]) for at in chosen)  # of equals either may survive
