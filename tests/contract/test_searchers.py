"""One suite for every searcher."""

import random

import pytest

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.optimize.searcher import Trial, best_trial
from quant_pipelines.optimize.searchers import SEARCHERS, make_searcher
from quant_pipelines.optimize.space import Dimension, Parameters, Space

SPACE = Space(
    (
        Dimension("fast", 5, 60, True),
        Dimension("slow", 20, 240, True, is_logarithmic=True),
        Dimension("stop", 0.01, 0.1, False),
    ),
    is_valid=lambda values: values["fast"] < values["slow"],
)
TINY = Space((Dimension("window", 2, 4, True),), is_valid=lambda _: True)


def objective(values: Parameters) -> float:
    return (
        -(((values["fast"] - 20) / 55) ** 2) - ((values["slow"] - 90) / 220) ** 2 - abs(values["stop"] - 0.05)
    )


def run(name: str, space: Space = SPACE, *, trials: int = 96, seed: int = 1) -> list[Trial]:
    searcher = make_searcher(name, space, trials=trials, seed=seed)
    done: list[Trial] = []
    while batch := searcher.ask():
        results = [Trial(values, objective(values) if space is SPACE else 0.0) for values in batch]
        searcher.tell(results)
        done.extend(results)
    return done


@pytest.mark.parametrize("name", SEARCHERS)
def test_every_set_is_valid_within_bounds_and_asked_once(name: str) -> None:
    done = run(name)
    keys = [SPACE.key(trial.parameters) for trial in done]
    assert 0 < len(done) <= 96
    assert len(set(keys)) == len(keys)
    for trial in done:
        assert SPACE.is_valid(trial.parameters)
        for dimension in SPACE.dimensions:
            assert dimension.low <= trial.parameters[dimension.name] <= dimension.high
            assert isinstance(trial.parameters[dimension.name], int) == dimension.is_integer


@pytest.mark.parametrize("name", SEARCHERS)
def test_same_seed_gives_the_same_trials_whatever_the_global_generator_does(name: str) -> None:
    first = run(name)
    random.random()  # noqa: S311
    assert run(name) == first


@pytest.mark.parametrize("name", SEARCHERS)
def test_search_ends_when_the_space_is_used_up(name: str) -> None:
    assert sorted(trial.parameters["window"] for trial in run(name, TINY)) == [2, 3, 4]


@pytest.mark.parametrize("name", SEARCHERS)
def test_sets_that_cannot_be_judged_do_not_stop_the_search(name: str) -> None:
    searcher = make_searcher(name, SPACE, trials=48, seed=1)
    while batch := searcher.ask():
        searcher.tell([Trial(values, float("nan")) for values in batch])


def test_genetic_search_leaves_the_global_generator_alone() -> None:
    before = random.getstate()
    run("ga")
    assert random.getstate() == before


def test_genetic_search_beats_an_even_cover_of_the_space() -> None:
    best = {name: best_trial(run(name)) for name in ("ga", "sobol")}
    assert best["ga"] is not None
    assert best["sobol"] is not None
    assert best["ga"].objective > best["sobol"].objective


def test_unknown_searcher_suggests_the_nearest() -> None:
    with pytest.raises(OptimizationError, match="unknown searcher 'grdi'; did you mean 'grid'"):
        make_searcher("grdi", SPACE, trials=8, seed=1)
