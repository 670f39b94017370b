"""Walk-forward: search in-sample, trade the winner out of sample, fold after fold.

A fold's result depends on the plan, the data and its index alone, so finished folds are never computed again
and the order of work does not matter. What the newest fold's search found is what is traded next.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, day_of
from quant_pipelines.optimize.evaluation import Edges, Evaluator, OutOfSample, stitched
from quant_pipelines.optimize.folds import Fold, first_bar_ms, rolling_folds
from quant_pipelines.optimize.objective_file import Ranking
from quant_pipelines.optimize.purge import Fit, purged
from quant_pipelines.optimize.searchers import make_searcher
from quant_pipelines.optimize.sobol import sobol_points
from quant_pipelines.optimize.space import Parameters, Space
from quant_pipelines.optimize.window_search import WindowSearch, has_promise

_COVER_SEED = 0
_log = logging.getLogger(__name__)


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
    promise
        Times as many parameter sets are tried in folds whose own train window has promise, see
        ``has_promise``.
    listed_from_ms
        Since when the symbol is on the list, milliseconds UTC; days that began before are marked. None where
        it is on none.

    Examples
    --------
    >>> from quant_pipelines.core.search_settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.walk_forward import Plan
    >>> space = Space((Dimension("window", 10, 30, is_integer=True),), is_valid=lambda values: True)
    >>> windows = WindowSettings(train_days=10, test_days=2, folds=3, purge_hours=0)
    >>> plan = Plan(space, windows, end_ms=20 * DAY_MS, searcher="grid", trials=8)
    >>> len(plan.folds), plan.start_ms / DAY_MS  # three with days, and the one that begins at the end
    (4, 4.0)
    """

    space: Space
    windows: WindowSettings
    end_ms: int
    searcher: str = "ga"
    trials: int = 64
    objective: str | Ranking = "sharpe"
    seed: int = 1
    cover_points: int = 64
    promise: int = 1
    listed_from_ms: int | None = 0

    @property
    def folds(self) -> tuple[Fold, ...]:
        """All folds, oldest first; the last one has no day yet where the end is an edge of the calendar."""
        return rolling_folds(self.end_ms, self.windows)

    @property
    def start_ms(self) -> int:
        """First bar that any fold needs."""
        return first_bar_ms(self.end_ms, self.windows)

    def executed_from_ms(self, known: Mapping[int, "FoldResult"]) -> int:
        """First bar that is traded where folds are known; the last day, where nothing is left to compute."""
        fitted = [fold.train_start_ms for fold in self.folds if fold.index not in known]
        grown = [
            fold.test_start_ms
            for fold in self.folds
            if fold.index in known and known[fold.index].test.days.size < _n_days(fold)
        ]
        return min([*fitted, *grown, self.end_ms - DAY_MS])


@dataclass(frozen=True, slots=True, eq=False)
class FoldResult:
    """One fold.

    Parameters
    ----------
    fold, fit, test
        Where, what was found in-sample, and what it did out of sample.
    cover
        Daily returns of the Sobol points in the test window, the same points in every fold. ndarray of shape
        (n_days, n_points), float64; NaN for a point that breaks the strategy there.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.folds import Fold
    >>> from quant_pipelines.optimize.purge import Fit
    >>> from quant_pipelines.optimize.walk_forward import FoldResult
    >>> fold = Fold(0, 0, 2 * DAY_MS, 2 * DAY_MS, 3 * DAY_MS)
    >>> test = OutOfSample(np.array([2 * DAY_MS]), np.array([0.01]), ())
    >>> result = FoldResult(fold, Fit((), {"window": 20}, np.array([0.03, 0.01])), test, np.zeros((1, 0)))
    >>> float(result.fit.returns.mean()), float(result.test.returns.mean())  # a day, in sample and out of it
    (0.02, 0.01)
    """

    fold: Fold
    fit: Fit
    test: OutOfSample
    cover: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class WalkForward:
    """Finished walk-forward.

    Parameters
    ----------
    folds
        Oldest first; the newest one's parameters are what is traded next.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.folds import Fold
    >>> from quant_pipelines.optimize.purge import Fit
    >>> from quant_pipelines.optimize.walk_forward import FoldResult, WalkForward
    >>> fit = Fit((), {"window": 20}, np.zeros(1))
    >>> tests = [OutOfSample(np.array([day]), np.array([0.01 * day]), ()) for day in (1, 2)]
    >>> folds = (FoldResult(Fold(k, 0, 0, 0, 0), fit, test, np.zeros((1, 3))) for k, test in enumerate(tests))
    >>> walk = WalkForward(tuple(folds))
    >>> walk.out_of_sample.returns, walk.promoted.parameters, walk.cover.shape
    (array([0.01, 0.02]), {'window': 20}, (2, 3))
    """

    folds: tuple[FoldResult, ...]

    @property
    def out_of_sample(self) -> OutOfSample:
        """Test windows stitched in order."""
        return stitched([result.test for result in self.folds])

    @property
    def promoted(self) -> Fit:
        """Newest fit: its parameters are what is traded next."""
        return self.folds[-1].fit

    @property
    def cover(self) -> FloatArray:
        """Daily returns of the Sobol points over all test windows, shape (n_days, n_points)."""
        return _joined([result.cover for result in self.folds])

    @property
    def n_trials(self) -> int:
        """Parameter sets that were tried in all windows."""
        return sum(len(result.fit.trials) for result in self.folds) + int(self.cover.shape[1])


def walk_forward(
    evaluator: Evaluator,
    plan: Plan,
    *,
    finished: Mapping[int, FoldResult] | None = None,
    on_fold: Callable[[FoldResult], None] = lambda _: None,
) -> WalkForward:
    """Run the folds that are not known, and the days that a known one lacks.

    Parameters
    ----------
    evaluator
        Backtests of the strategy on the symbol.
    plan
        What to search and where.
    finished
        What earlier runs stored, by fold index; fits and days are taken as they are. Folds before those of
        the plan stay part of the walk.
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
    >>> from quant_pipelines.core.search_settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.walk_forward import Plan, walk_forward
    >>> class Certain:  # see Evaluator
    ...     def search(self, start_ms, end_ms, parameter_sets):
    ...         return np.tile([one["rate"] for one in parameter_sets], ((end_ms - start_ms) // DAY_MS, 1))
    ...     def test(self, fold, parameters, edges):
    ...         days = np.arange(edges.from_ms, fold.test_end_ms, DAY_MS)
    ...         return OutOfSample(days, np.full(days.size, parameters["rate"]), ())
    ...     def longest_holding_ms(self, start_ms, end_ms, parameters):
    ...         return 0
    ...     def cover(self, fold, parameter_sets):
    ...         return self.search(fold.test_start_ms, fold.test_end_ms, parameter_sets)
    >>> space = Space((Dimension("rate", -0.01, 0.01, is_integer=False),), is_valid=lambda values: True)
    >>> windows = WindowSettings(train_days=4, test_days=2, folds=2, purge_hours=0)
    >>> plan = Plan(space, windows, 20 * DAY_MS, "grid", trials=3, objective="profit_factor", cover_points=4)
    >>> finished = walk_forward(Certain(), plan)
    >>> finished.promoted.parameters, finished.out_of_sample.returns, finished.n_trials
    ({'rate': 0.01}, array([0.01, 0.01, 0.01, 0.01]), 13)
    """
    known = dict(finished or {})
    cover = cache(lambda: sobol_points(plan.space, plan.cover_points, seed=_COVER_SEED))
    for fold in plan.folds:
        stored = known.get(fold.index)
        if stored is None or stored.test.days.size < _n_days(fold):
            begun = _known_fit(fold, stored) if stored else _search(evaluator, plan, fold)
            known[fold.index] = _with_days(evaluator, plan, cover, begun, known)
            on_fold(known[fold.index])
    return WalkForward(tuple(known[index] for index in sorted(known)))


def fit_fold(evaluator: Evaluator, plan: Plan, fold: Fold) -> FoldResult:
    """Search in the train window of one fold alone; its days come with the walk that finds it known.

    Parameters
    ----------
    evaluator, plan
        As for ``walk_forward``.
    fold
        One of the plan's.

    Raises
    ------
    OptimizationError
        If the plan can't run.
    StrategyError
        If the strategy breaks.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.search_settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.walk_forward import Plan, fit_fold
    >>> class Certain:  # see Evaluator
    ...     def search(self, start_ms, end_ms, parameter_sets):
    ...         return np.tile([one["rate"] for one in parameter_sets], ((end_ms - start_ms) // DAY_MS, 1))
    ...     def longest_holding_ms(self, start_ms, end_ms, parameters):
    ...         return 0
    >>> space = Space((Dimension("rate", -0.01, 0.01, is_integer=False),), is_valid=lambda values: True)
    >>> windows = WindowSettings(train_days=4, test_days=2, folds=2, purge_hours=0)
    >>> plan = Plan(space, windows, 20 * DAY_MS, "grid", trials=3, objective="profit_factor")
    >>> fitted = fit_fold(Certain(), plan, plan.folds[0])
    >>> fitted.fit.parameters, fitted.test.days.size
    ({'rate': 0.01}, 0)
    """
    begun = _search(evaluator, plan, fold)
    return FoldResult(begun.fold, begun.fit, stitched([]), _joined([]))


def _n_days(fold: Fold) -> int:
    return int(fold.test_end_ms - fold.test_start_ms) // DAY_MS


class _BegunFold(NamedTuple):
    """A fold whose fit is known."""

    fold: Fold
    fit: Fit


def _known_fit(fold: Fold, stored: FoldResult) -> _BegunFold:
    """Take over what was found, and where the train window of that ended."""
    return _BegunFold(replace(fold, train_end_ms=stored.fold.train_end_ms), stored.fit)


def _with_days(
    evaluator: Evaluator,
    plan: Plan,
    cover: Callable[[], list[Parameters]],
    begun: _BegunFold,
    known: Mapping[int, FoldResult],
) -> FoldResult:
    """Add the days that are not known to those that are."""
    fold, fit = begun
    stored = known.get(fold.index)
    parts, covers = ([stored.test], [stored.cover]) if stored else ([], [])
    if _n_days(fold):
        edges = _edges_of(fold, known)
        first = (edges.from_ms - fold.test_start_ms) // DAY_MS
        parts.append(_marked(_test(evaluator, fold, fit, edges), plan.listed_from_ms))
        covers.append(_covered(evaluator, fold, cover())[first:])
    return FoldResult(fold, fit, stitched(parts), _joined(covers))


def _covered(evaluator: Evaluator, fold: Fold, points: list[Parameters]) -> FloatArray:
    """Cover of a test window; NaN where all points break a strategy that the fold's own fit may not."""
    try:
        return evaluator.cover(fold, points)
    except StrategyError as error:
        told = "all %d points of the cover break the strategy in the test window from %s: %s"
        _log.warning(told, len(points), day_of(fold.test_start_ms), error)
        return np.full((_n_days(fold), len(points)), np.nan)


def _marked(part: OutOfSample, listed_from_ms: int | None) -> OutOfSample:
    """Mark the days that began before the symbol was on the list."""
    return replace(part, is_listed=part.days >= (np.inf if listed_from_ms is None else listed_from_ms))


def _edges_of(fold: Fold, known: Mapping[int, FoldResult]) -> Edges:
    """Where the days that are not known begin, and what is known on both sides of them."""
    stored, before, after = (known.get(fold.index + step) for step in (0, -1, 1))
    closes = after is not None and after.test.days.size > 0
    if stored is not None and stored.test.days.size:
        return Edges(int(stored.test.days[-1]) + DAY_MS, stored.test.carried, closes)
    is_next = before is not None and before.fold.test_end_ms == fold.test_start_ms
    return Edges(fold.test_start_ms, before.test.carried if before and is_next else None, closes)


def _joined(covers: list[FloatArray]) -> FloatArray:
    """Join the covers of windows that have days."""
    with_days = [cover for cover in covers if len(cover)]
    return np.concatenate(with_days) if with_days else np.empty((0, 0))


def _test(evaluator: Evaluator, fold: Fold, fit: Fit, edges: Edges) -> OutOfSample:
    if fit.parameters is not None or edges.carried is not None:
        return evaluator.test(fold, fit.parameters, edges)
    days = np.arange(edges.from_ms, fold.test_end_ms, DAY_MS, dtype=np.int64)
    return OutOfSample(days, np.zeros(days.size), ())  # nothing to trade, and nothing is held


def _search(evaluator: Evaluator, plan: Plan, fold: Fold) -> _BegunFold:
    """Search in the train window; the fold that is returned ends it where the purge does."""
    # The index is mixed in so that folds start from different random sets.
    seed = plan.seed * 1_000_003 + fold.index + 1
    search = WindowSearch(
        evaluator, plan.space, plan.objective, Window(fold.train_start_ms, fold.train_end_ms)
    )
    search.run(make_searcher(plan.searcher, plan.space, trials=plan.trials, seed=seed))
    if plan.promise > 1 and has_promise(plan.objective, search.returns):
        deeper = plan.trials * plan.promise
        search.run(make_searcher(plan.searcher, plan.space, trials=deeper, seed=seed))
    return _BegunFold(*purged(evaluator, plan.objective, fold, search.tried, search.returns))
