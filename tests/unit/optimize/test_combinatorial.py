"""Studies of many paths: what is searched never saw what is tested, and every day of a path was left out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.combinatorial_study import combinatorial_study
from quant_pipelines.optimize.space import Parameters
from tests.unit.optimize.test_walk_forward import PLAN, KnownMarket

WINDOWS = replace(PLAN.windows, calendar="combinatorial", groups=5, test_groups=2, purge_hours=24)
STUDY = replace(PLAN, windows=WINDOWS)


class Held(KnownMarket):
    """Holds positions so long, and knows which days it was searched on."""

    def __init__(self, days: int = 1, edge: float = 0.01) -> None:
        super().__init__(edge)
        self.days = days

    def longest_holding_ms(self, start_ms: int, end_ms: int, parameters: Parameters) -> int:
        return self.days * DAY_MS


class Remembering(Held):
    """Its best set is the one that fits the days that were searched: luck that days left out do not share."""

    def _returns(self, days: np.ndarray, values: Parameters) -> FloatArray:
        lucky = np.random.default_rng(int(values["window"])).normal(0.0, 0.02, 2000)
        found: FloatArray = lucky[days % 2000]
        return found


def test_an_edge_that_every_set_shares_is_on_every_path() -> None:
    study = combinatorial_study(Held(), STUDY)
    assert study.paths.shape == (4, (STUDY.end_ms - STUDY.start_ms) // DAY_MS)
    assert {tuple((one.parameters or {}).items()) for one in study.splits} == {(("window", 7),)}
    expected = Held()._returns(study.days // DAY_MS, {"window": 7})
    assert study.paths == pytest.approx(np.tile(expected, (4, 1)))


def test_luck_in_the_train_days_is_on_no_path() -> None:
    study = combinatorial_study(Remembering(), replace(STUDY, trials=40, searcher="sobol"))
    figures = study.figures()
    assert figures["trials"] == 10 * 40
    assert abs(figures["sharpe_mean"]) < 3.0
    inside = []
    for one in study.splits:
        rows = np.concatenate([np.arange(*part.window, DAY_MS) // DAY_MS for part in one.split.train])
        best = Remembering()._returns(rows, one.parameters or {})
        inside.append(best.mean() / best.std() * 365**0.5)
    assert np.mean(inside) > 3.0 > figures["sharpe_mean"] + 1.0


def test_a_test_is_searched_nowhere_near() -> None:
    class Watching(Held):
        def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
            seen.append(Window(start_ms, end_ms))
            return super().search(start_ms, end_ms, parameter_sets)

        def cover(self, fold, parameter_sets):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            gap = min(max(fold.test_start_ms - one.end_ms, one.start_ms - fold.test_end_ms) for one in seen)
            assert gap >= DAY_MS
            return super().cover(fold, parameter_sets)

    seen: list[Window] = []
    combinatorial_study(Watching(), STUDY, embargo_days=1, on_split=lambda _: seen.clear())


def test_a_set_that_holds_for_longer_purges_as_much() -> None:
    study = combinatorial_study(Held(days=3), STUDY)
    assert {one.purge_days for one in study.splits} == {3}


def test_a_search_that_finds_nothing_is_flat() -> None:
    class Nothing(Held):
        def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
            return np.full_like(super().search(start_ms, end_ms, parameter_sets), np.nan)

    study = combinatorial_study(Nothing(), STUDY)
    assert not study.paths.any()
    assert study.figures()["sharpe_mean"] is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test_groups": 5}, "test_groups is 5; expected 1 to 4 of 5 groups"),
        (
            {"groups": 3, "purge_hours": 216, "train_days": 6, "folds": 3},
            "between the tested groups 1, 3 of 3 the purge and the embargo leave no train day",
        ),
        ({"groups": 20, "purge_hours": 72}, "a group has 2 days; expected more than the 3 of the purge"),
    ],
)
def test_groups_that_cannot_be_parted_are_refused(changed: dict[str, int], message: str) -> None:
    with pytest.raises(OptimizationError, match=message):
        combinatorial_study(Held(), replace(STUDY, windows=replace(WINDOWS, **changed)))  # type: ignore[arg-type]
