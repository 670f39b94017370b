"""A set that breaks its strategy in a test window says nothing of the search, and that it broke is said."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.gates import Gate
from quant_pipelines.optimize.judge import Context, Judgment, judge
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.optimize.walk_forward import WalkForward, walk_forward
from tests.unit.optimize.test_walk_forward import PLAN, KnownMarket

OF_THE_COVER = ("pbo", "probability_of_loss", "trial_variance_per_day")
BROKEN = PLAN.folds[1]


class Breaking(KnownMarket):
    """All points of the cover break in one test window."""

    def cover(self, fold: Fold, parameter_sets: Sequence[Parameters]) -> FloatArray:
        if fold.index == BROKEN.index:
            raise StrategyError("target raised ZeroDivisionError: nothing to divide by")
        return super().cover(fold, parameter_sets)


class Losing(KnownMarket):
    """Every set loses, each by noise of its own."""

    def cover(self, fold: Fold, parameter_sets: Sequence[Parameters]) -> FloatArray:
        n_days = super().cover(fold, parameter_sets).shape[0]
        noise = np.random.default_rng(fold.index)
        return noise.normal(-0.01, 0.005, (n_days, len(parameter_sets)))


def judged(cover: FloatArray) -> Judgment:
    """Judgment of a walk with this cover; its trials are those of the search alone."""
    walk = walk_forward(Losing(0.01), PLAN)
    parts = np.split(cover, np.cumsum([one.test.days.size for one in walk.folds])[:-1])
    folds = [replace(one, cover=part) for one, part in zip(walk.folds, parts, strict=True)]
    return judge(WalkForward(tuple(folds)), Context(GateSettings()))


def of_the_cover(judgment: Judgment) -> dict[str, Any]:
    return {name: judgment.in_sample[name] for name in OF_THE_COVER}


def pbo_gate(judgment: Judgment) -> Gate:
    return next(gate for gate in judgment.gates if gate.name == "pbo")


@pytest.fixture
def losing() -> FloatArray:
    return walk_forward(Losing(0.01), PLAN).cover


def test_a_set_that_breaks_has_no_share_in_what_the_others_say(losing: FloatArray) -> None:
    one_breaks = np.insert(losing, 3, np.nan, axis=1)
    assert of_the_cover(judged(one_breaks)) == of_the_cover(judged(losing))
    in_one_window = np.insert(losing, 3, 0.01, axis=1)
    in_one_window[4:9, 3] = np.nan
    assert of_the_cover(judged(in_one_window)) == of_the_cover(judged(losing))


def test_a_search_whose_every_set_loses_is_refused_whatever_breaks_beside_them(losing: FloatArray) -> None:
    """Taken for a set that earns nothing, one that breaks would be the best of all halves."""
    lost = pbo_gate(judged(losing))
    broken = pbo_gate(judged(np.insert(losing, 3, np.nan, axis=1)))
    assert (lost.passed, broken.passed) == (False, False)
    assert broken.value == lost.value


def test_days_on_which_every_set_breaks_are_left_out(losing: FloatArray) -> None:
    broken = losing.copy()
    broken[10:20] = np.nan
    found = judged(broken)
    assert (found.in_sample["cover_sets_broken"], found.in_sample["cover_days_broken"]) == (0, 10)
    assert found.in_sample["pbo"] is not None
    assert np.isfinite(found.in_sample["trial_variance_per_day"])
    assert pbo_gate(found).detail.endswith("; on 10 days every set broke: they are left out")


def test_how_many_sets_broke_is_said_and_they_count_as_tried(losing: FloatArray) -> None:
    sound, broken = judged(losing), judged(np.insert(losing, 3, np.nan, axis=1))
    assert (sound.in_sample["cover_sets_broken"], sound.in_sample["cover_days_broken"]) == (0, 0)
    assert (broken.in_sample["cover_sets_broken"], broken.in_sample["cover_days_broken"]) == (1, 0)
    assert broken.in_sample["own_trials"] == sound.in_sample["own_trials"] + 1
    assert pbo_gate(broken).detail.endswith("; 1 of its sets broke: it is left out")


def test_a_search_of_which_no_two_sets_held_says_nothing_of_luck(losing: FloatArray) -> None:
    losing[0, 1:] = np.nan
    found = judged(losing)
    assert [found.in_sample[name] for name in ("pbo", "probability_of_loss", "dsr")] == [None] * 3
    assert "too few days or sets" in pbo_gate(found).detail


def test_a_window_in_which_every_point_of_the_cover_breaks_does_not_end_the_walk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, sound = walk_forward(Breaking(), PLAN), walk_forward(KnownMarket(), PLAN)
    assert np.array_equal(broken.out_of_sample.returns, sound.out_of_sample.returns)
    for one, same in zip(broken.folds, sound.folds, strict=True):
        if one.fold.index == BROKEN.index:
            assert one.cover.shape == same.cover.shape
            assert np.isnan(one.cover).all()
        else:
            assert np.array_equal(one.cover, same.cover)
    assert "all 16 points of the cover break the strategy in the test window from 2025-05-22" in caplog.text
    assert judge(broken, Context(GateSettings())).in_sample["cover_days_broken"] == 10
