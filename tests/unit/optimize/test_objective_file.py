"""An objective of one's own: one function in a file, held to what it has to give."""

import numpy as np
import pytest

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.optimize.objective_file import compile_objective
from quant_pipelines.optimize.objectives import rank_by

RETURNS = np.random.default_rng(11).normal(0.001, 0.02, (90, 5))
MEAN = "def objective(returns):\n    return returns.mean(axis=0)\n"


def test_it_ranks_as_its_function_says() -> None:
    assert rank_by(compile_objective("mean.py", MEAN), RETURNS).tolist() == RETURNS.mean(axis=0).tolist()


def test_a_trial_that_never_moves_cannot_be_judged_by_it_either() -> None:
    assert np.isnan(rank_by(compile_objective("mean.py", MEAN), np.zeros((3, 2)))).all()


def test_what_is_not_finite_cannot_be_judged() -> None:
    infinite = "import numpy as np\ndef objective(returns):\n    return np.full(returns.shape[1], np.inf)\n"
    assert np.isnan(rank_by(compile_objective("infinite.py", infinite), RETURNS)).all()


def test_what_it_writes_changes_no_returns() -> None:
    before = RETURNS.copy()
    careless = "def objective(returns):\n    returns[:] = 0.5\n    return returns[0]\n"
    rank_by(compile_objective("careless.py", careless), RETURNS)
    assert np.array_equal(RETURNS, before)


def test_a_set_that_was_refused_is_not_ranked_whatever_it_makes_of_that() -> None:
    forgiving = "import numpy as np\ndef objective(returns):\n    return np.nan_to_num(returns).sum(axis=0)\n"
    refused = np.column_stack([RETURNS[:, 0], np.full(90, np.nan)])
    assert np.isnan(rank_by(compile_objective("forgiving.py", forgiving), refused)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("def objective(:", "objective mine.py: syntax error in line 1"),
        ("import os", "objective mine.py: uses os in line 1"),
        ("value = 1 / 0", "objective mine.py: ZeroDivisionError at import"),
        ("def ranked(returns): ...", r"objective mine.py: defines no function objective\(returns\)"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_at_once(text: str, fault: str) -> None:
    with pytest.raises(OptimizationError, match=fault):
        compile_objective("mine.py", text)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("return returns.mean()", r"gives shape \(\) for 5 trials; expected \(5,\)"),
        ("return returns.mean(axis=1)", r"gives shape \(90,\) for 5 trials"),
        ("return missing", "NameError"),
        ("return ['much'] * 5", "ValueError: could not convert"),
    ],
)
def test_what_it_gives_is_one_number_a_trial(body: str, fault: str) -> None:
    ranking = compile_objective("mine.py", f"def objective(returns):\n    {body}\n")
    with pytest.raises(OptimizationError, match=f"objective mine.py: {fault}"):
        rank_by(ranking, RETURNS)
