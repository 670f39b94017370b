"""The front of a search on its page."""

import numpy as np

from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.purge import Fit
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.reports.pareto import pareto_section


def fold_of(trials: list[Trial]) -> FoldResult:
    fold = Fold(0, 0, 2 * DAY_MS, 2 * DAY_MS, 3 * DAY_MS)
    test = OutOfSample(np.array([2 * DAY_MS]), np.array([0.01]), ())
    return FoldResult(fold, Fit(tuple(trials), trials[0].parameters, np.zeros(2)), test, np.zeros((1, 0)))


def test_front_is_what_no_other_set_beats_in_both() -> None:
    beaten = [Trial({"window": 50 + at}, 0.1, 0.9) for at in range(10)]
    page = pareto_section(fold_of([Trial({"window": 5}, 2.0, 0.4), Trial({"window": 9}, 1.0, 0.1), *beaten]))
    assert "Of the 12 sets that the newest fold tried, 2 are beaten by no other" in page
    assert page.count("<tr>") == 3  # the header and both


def test_trials_without_a_drawdown_have_no_front() -> None:
    assert pareto_section(fold_of([Trial({"window": at}, float(at)) for at in range(20)])) == ""
    assert pareto_section(None) == ""


def test_long_front_is_thinned_to_its_ends_and_some_between() -> None:
    page = pareto_section(fold_of([Trial({"window": at}, float(at), at / 100) for at in range(40)]))
    assert page.count("<tr>") == 13
