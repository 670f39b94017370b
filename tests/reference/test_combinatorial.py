"""The splits and paths of a combinatorial study: by hand, and as skfolio 1.12.2 has them."""

import json
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.combinatorial import Gaps, combinatorial_splits

RECORDED = json.loads((Path(__file__).parent / "combinatorial_skfolio.json").read_text())


def days_of(window: Window) -> list[int]:
    return [*range(window.start_ms // DAY_MS, window.end_ms // DAY_MS)]


def numbered(case: dict[str, Any]) -> str:
    return "-".join(str(case[name]) for name in ("n_days", "groups", "test_groups"))


@pytest.mark.parametrize("case", RECORDED["cases"], ids=numbered)
def test_splits_and_paths_are_those_of_skfolio(case: dict[str, Any]) -> None:
    gaps = Gaps(case["purge_days"], case["embargo_days"])
    window = Window(0, case["n_days"] * DAY_MS)
    splits = combinatorial_splits(window, case["groups"], case["test_groups"], gaps)
    assert [[day for part in one.train for day in days_of(part.window)] for one in splits] == [
        one["train"] for one in case["splits"]
    ]
    assert [[days_of(test) for test in one.test] for one in splits] == [one["test"] for one in case["splits"]]
    assert [[*one.paths] for one in splits] == case["paths"]
    assert 1 + max(path for one in splits for path in one.paths) == case["n_paths"]


def test_six_groups_of_which_two_are_tested_make_five_paths() -> None:
    """The figure of López de Prado (2018), section 12.3: 15 splits, 5 paths, each group tested 5 times."""
    splits = combinatorial_splits(Window(0, 60 * DAY_MS), 6, 2, Gaps(0))
    assert len(splits) == comb(6, 2) == 15
    tested = np.zeros((5, 6), dtype=int)
    for one in splits:
        for group, path in zip(one.groups, one.paths, strict=True):
            tested[path, group] += 1
    assert (tested == 1).all()  # phi(6, 2) = 2/6 * 15 = 5 paths, whole and without overlap


def test_no_train_day_is_nearer_to_a_test_than_the_gaps() -> None:
    """By hand: of days 0 to 19 in four groups, groups 1 and 3 are tested; two days purge, one is embargo."""
    (split,) = [
        one for one in combinatorial_splits(Window(0, 20 * DAY_MS), 4, 2, Gaps(2, 1)) if one.groups == (1, 3)
    ]
    assert [days_of(part.window) for part in split.train] == [[0, 1, 2]]  # 13 and 14 are purged, 10 to 12 too
    (split,) = [
        one for one in combinatorial_splits(Window(0, 20 * DAY_MS), 4, 2, Gaps(1, 1)) if one.groups == (1, 3)
    ]
    assert [days_of(part.window) for part in split.train] == [[0, 1, 2, 3], [12, 13]]
