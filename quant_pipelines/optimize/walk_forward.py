"""Walk-forward: search in-sample, trade the winner out of sample, fold after fold, then fit once more.

A fold's result depends on the plan, the data and its index alone, so finished folds are never computed again
and the order of work does not matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import WindowSettings
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.evaluation import Evaluator, OutOfSample
from quant_pipelines.optimize.folds import Fold, final_window, first_bar_ms, rolling_folds
from quant_pipelines.optimize.objectives import rank_by
from quant_pipelines.optimize.searcher import Trial, best_trial
from quant_pipelines.optimize.searchers import make_searcher
from quant_pipelines.optimize.sobol import sobol_points
from quant_pipelines.optimize.space import Parameters, Space

FINAL_FIT = -1
"""Index under which the final fit is kept beside the folds."""

_COVER_SEED = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides a walk-forward besides the data.

    Parameters
    ----------
    space
        Where to search.
    windows
        Lengths of the folds.
    end_ms
        End of the last test window, a UTC midnight, milliseconds.
    searcher, trials, objective, seed
        How to search in each fold; see ``make_searcher`` and ``rank_by``.
    cover_points
        Fixed Sobol points whose daily returns feed trial variance, effective trials and PBO.

    Examples
    --------
    >>> from quant_pipelines.core.settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.walk_forward import Plan
    >>> space = Space((Dimension("window", 10, 30, is_integer=True),), is_valid=lambda values: True)
    >>> windows = WindowSettings(train_days=10, test_days=2, folds=3, purge_hours=0)
    >>> plan = Plan(space, windows, end_ms=20 * DAY_MS, searcher="grid", trials=8)
    >>> len(plan.folds), plan.start_ms / DAY_MS
    (3, 4.0)
    """

    space: Space
    windows: WindowSettings
    end_ms: int
    searcher: str = "ga"
    trials: int = 64
    objective: str = "sharpe"
    seed: int = 1
    cover_points: int = 64

    @property
    def folds(self) -> tuple[Fold, ...]:
        """All folds, oldest first."""
        return rolling_folds(self.end_ms, self.windows)

    @property
    def start_ms(self) -> int:
        """First bar that any fold needs."""
        return first_bar_ms(self.end_ms, self.windows)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Search in one window.

    Parameters
    ----------
    trials
        In the order tried.
    parameters
        The best; None when no trial could be judged.
    returns
        Daily returns of the best. ndarray of shape (n_days,), float64.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.searcher import Trial
    >>> from quant_pipelines.optimize.walk_forward import Fit
    >>> trials = Trial({"window": 10}, 0.5), Trial({"window": 20}, 1.5)
    >>> Fit(trials, parameters={"window": 20}, returns=np.array([0.01, 0.02])).parameters
    {'window': 20}
    """

    trials: tuple[Trial, ...]
    parameters: Parameters | None
    returns: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """One fold, or the final fit (whose test window is empty).

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.folds import Fold
    >>> from quant_pipelines.optimize.walk_forward import Fit, FoldResult
    >>> fold = Fold(0, 0, 2 * DAY_MS, 2 * DAY_MS, 3 * DAY_MS)
    >>> test = OutOfSample(np.array([2 * DAY_MS]), np.array([0.01]), ())
    >>> result = FoldResult(fold, Fit((), {"window": 20}, np.array([0.03, 0.01])), test)
    >>> float(result.fit.returns.mean()), float(result.test.returns.mean())  # a day, in sample and out of it
    (0.02, 0.01)
    """

    fold: Fold
    fit: Fit
    test: OutOfSample


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Even cover of the space over the whole history, and the promoted set beside it.

    Parameters
    ----------
    parameters
        Sobol points, the same at every run.
    returns
        Their daily returns. ndarray of shape (n_days, n_points), float64.
    promoted
        Daily returns of the promoted set. ndarray of shape (n_days,), float64.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.walk_forward import Cover
    >>> cover = Cover(({"window": 10}, {"window": 30}), returns=np.zeros((91, 2)), promoted=np.zeros(91))
    >>> cover.returns.shape == (91, len(cover.parameters))
    True
    """

    parameters: tuple[Parameters, ...]
    returns: FloatArray
    promoted: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class WalkForward:
    """Finished walk-forward.

    Parameters
    ----------
    folds
        Oldest first.
    final
        Fit on the newest window: its parameters are the ones to promote.
    cover
        Sobol set for the overfit statistics.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.folds import Fold
    >>> from quant_pipelines.optimize.walk_forward import Cover, Fit, FoldResult, WalkForward
    >>> fit = Fit((), {"window": 20}, np.zeros(1))
    >>> tests = [OutOfSample(np.array([day]), np.array([0.01 * day]), ()) for day in (1, 2)]
    >>> folds = tuple(FoldResult(Fold(k, 0, 0, 0, 0), fit, test) for k, test in enumerate(tests))
    >>> WalkForward(folds, folds[-1], Cover((), np.zeros((1, 0)), np.zeros(1))).out_of_sample.returns
    array([0.01, 0.02])
    """

    folds: tuple[FoldResult, ...]
    final: FoldResult
    cover: Cover

    @property
    def out_of_sample(self) -> OutOfSample:
        """Test windows stitched in order."""
        return OutOfSample(
            days=np.concatenate([result.test.days for result in self.folds]),
            returns=np.concatenate([result.test.returns for result in self.folds]),
            trades=tuple(trade for result in self.folds for trade in result.test.trades),
        )

    @property
    def n_trials(self) -> int:
        """Parameter sets that were tried in all windows."""
        return sum(len(result.fit.trials) for result in (*self.folds, self.final)) + len(
            self.cover.parameters
        )


def walk_forward(
    evaluator: Evaluator,
    plan: Plan,
    *,
    finished: Mapping[int, FoldResult] | None = None,
    on_fold: Callable[[FoldResult], None] = lambda _: None,
) -> WalkForward:
    """Run the folds that are not finished, the final fit and the Sobol set.

    Parameters
    ----------
    evaluator
        Backtests of the strategy on the symbol.
    plan
        What to search and where.
    finished
        Results of an interrupted run by fold index, ``FINAL_FIT`` included; they are taken as they are.
    on_fold
        Called with each new result before the next one is begun.

    Raises
    ------
    OptimizationError
        If the plan can't run.
    StrategyError
        If the strategy breaks.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.walk_forward import Plan, walk_forward
    >>> class Certain:  # see Evaluator
    ...     def search(self, start_ms, end_ms, parameter_sets):
    ...         return np.tile([one["rate"] for one in parameter_sets], ((end_ms - start_ms) // DAY_MS, 1))
    ...     def test(self, fold, parameters):
    ...         days = np.arange(fold.test_start_ms, fold.test_end_ms, DAY_MS)
    ...         return OutOfSample(days, np.full(days.size, parameters["rate"]), ())
    >>> space = Space((Dimension("rate", -0.01, 0.01, is_integer=False),), is_valid=lambda values: True)
    >>> windows = WindowSettings(train_days=4, test_days=2, folds=2, purge_hours=0)
    >>> plan = Plan(space, windows, 20 * DAY_MS, "grid", trials=3, objective="profit_factor", cover_points=4)
    >>> finished = walk_forward(Certain(), plan)
    >>> finished.final.fit.parameters, finished.out_of_sample.returns, finished.n_trials
    ({'rate': 0.01}, array([0.01, 0.01, 0.01, 0.01]), 13)
    """
    known = dict(finished or {})
    for fold in (*plan.folds, _final_fold(plan)):
        if fold.index not in known:
            known[fold.index] = _run_fold(evaluator, plan, fold)
            on_fold(known[fold.index])
    final = known.pop(FINAL_FIT)
    folds = tuple(known[fold.index] for fold in plan.folds)
    return WalkForward(folds, final, _cover(evaluator, plan, final.fit.parameters))


def _final_fold(plan: Plan) -> Fold:
    start, end = final_window(plan.end_ms, plan.windows)
    return Fold(FINAL_FIT, start, end, end, end)


def _run_fold(evaluator: Evaluator, plan: Plan, fold: Fold) -> FoldResult:
    fit = _search(evaluator, plan, fold)
    n_days = (fold.test_end_ms - fold.test_start_ms) // DAY_MS
    if n_days and fit.parameters is not None:
        return FoldResult(fold, fit, evaluator.test(fold, fit.parameters))
    days = fold.test_start_ms + DAY_MS * np.arange(n_days, dtype=np.int64)
    return FoldResult(fold, fit, OutOfSample(days, np.zeros(n_days), ()))  # nothing to trade: flat


def _search(evaluator: Evaluator, plan: Plan, fold: Fold) -> Fit:
    # The index is mixed in so that folds start from different random sets.
    seed = plan.seed * 1_000_003 + fold.index + 1
    searcher = make_searcher(plan.searcher, plan.space, trials=plan.trials, seed=seed)
    trials: list[Trial] = []
    best: Trial | None = None
    best_returns = np.zeros(0)
    while batch := searcher.ask():
        returns = evaluator.search(fold.train_start_ms, fold.train_end_ms, batch)
        values = rank_by(plan.objective, returns)
        told = [Trial(parameters, float(value)) for parameters, value in zip(batch, values, strict=True)]
        searcher.tell(told)
        trials.extend(told)
        leader = best_trial([trial for trial in (best, *told) if trial is not None])
        if leader is not None and leader is not best:
            best, best_returns = leader, returns[:, told.index(leader)]
    return Fit(tuple(trials), best.parameters if best else None, best_returns)


def _cover(evaluator: Evaluator, plan: Plan, promoted: Parameters | None) -> Cover:
    points = sobol_points(plan.space, plan.cover_points, seed=_COVER_SEED)
    sets = points if promoted is None else [*points, promoted]
    returns = evaluator.search(plan.start_ms, plan.end_ms, sets)
    own = np.zeros(returns.shape[0]) if promoted is None else returns[:, -1]
    return Cover(tuple(points), returns[:, : len(points)], own)
