"""Runs the splits of a combinatorial purged cross-validation and stitches their paths."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS, YEAR_DAYS
from quant_pipelines.optimize.combinatorial import Gaps, Split, TrainPart, combinatorial_splits
from quant_pipelines.optimize.evaluation import Evaluator
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.objective_file import Ranking
from quant_pipelines.optimize.objectives import rank_by
from quant_pipelines.optimize.overfit import moments_of
from quant_pipelines.optimize.purge import LARGEST_SHARE
from quant_pipelines.optimize.searchers import make_searcher
from quant_pipelines.optimize.space import Parameters
from quant_pipelines.optimize.walk_forward import Plan
from quant_pipelines.optimize.window_search import WindowSearch


class SplitResult(NamedTuple):
    """What one split found.

    Parameters
    ----------
    split
        Its groups.
    parameters
        Best on its train days; None where none could be ranked.
    trials
        Parameter sets that were tried.
    purge_days
        That were left out at the edges in the end.
    returns
        Daily returns in each tested group.

    Examples
    --------
    >>> from quant_pipelines.optimize.combinatorial import Split
    >>> from quant_pipelines.optimize.combinatorial_study import SplitResult
    >>> split = Split((0,), train=(), test=(), paths=(0,))
    >>> SplitResult(split, {"window": 20}, trials=64, purge_days=2, returns=()).parameters
    {'window': 20}
    """

    split: Split
    parameters: Parameters | None
    trials: int
    purge_days: int
    returns: tuple[FloatArray, ...]


class SplitFinding(NamedTuple):
    """What a split found, apart from its groups; see ``SplitResult``.

    Examples
    --------
    >>> from quant_pipelines.optimize.combinatorial_study import SplitFinding
    >>> SplitFinding({"window": 20}, trials=64, purge_days=2, returns=()).purge_days
    2
    """

    parameters: Parameters | None
    trials: int
    purge_days: int
    returns: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Paths through one history.

    Parameters
    ----------
    window
        Its days.
    splits
        In the order of ``combinatorial_splits``.
    paths
        Daily returns, shape (n_paths, n_days): every day of a path was left out where it was searched for.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.series import Window
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.combinatorial_study import Study
    >>> study = Study(Window(0, 3 * DAY_MS), (), np.array([[0.01, 0.02, 0.03], [-0.01, 0.0, -0.02]]))
    >>> study.sharpes.round(1), study.figures()["share_of_losing_paths"]
    (array([ 38.2, -19.1]), 0.5)
    """

    window: Window
    splits: tuple[SplitResult, ...]
    paths: FloatArray

    @property
    def days(self) -> IntArray:
        """Start of each UTC day, milliseconds."""
        return np.arange(*self.window, DAY_MS, dtype=np.int64)

    @property
    def sharpes(self) -> FloatArray:
        """Annual Sharpe ratio of each path; NaN where nothing moved."""
        return np.array([moments_of(path).sharpe * YEAR_DAYS**0.5 for path in self.paths])

    def figures(self) -> dict[str, Any]:
        """Distribution of the paths, by name; rates are fractions."""
        known = self.sharpes[np.isfinite(self.sharpes)]
        totals = np.prod(1.0 + self.paths, axis=1) - 1.0
        low, middle, high = np.quantile(known, [0.05, 0.5, 0.95]) if known.size else [np.nan] * 3
        return {
            "paths": len(self.paths),
            "splits": len(self.splits),
            "days": int(self.days.size),
            "trials": sum(one.trials for one in self.splits),
            "sharpe_mean": float(known.mean()) if known.size else None,
            "sharpe_deviation": float(known.std(ddof=1)) if known.size > 1 else None,
            "sharpe_05": float(low),
            "sharpe_median": float(middle),
            "sharpe_95": float(high),
            "share_of_losing_paths": float(np.mean(totals <= 0.0)),
            "path_sharpes": self.sharpes.tolist(),
            "path_returns": totals.tolist(),
        }


def combinatorial_study(
    evaluator: Evaluator,
    plan: Plan,
    *,
    embargo_days: int = 0,
    finished: Mapping[int, SplitFinding] = MappingProxyType({}),
    on_split: Callable[[SplitResult], None] = lambda _: None,
) -> Study:
    """Search in the train days of every split and trade what it finds in its tested groups.

    Each part of the train days is begun flat and sees no bar beyond itself; each tested group is begun flat,
    warm from the bars before it, and closed at its end. The purge is the longest time for which the best set
    has held a position, at least ``purge_hours``: so many days are cut at every edge of a tested group, and
    what was found is ranked again without them, down to half of the train days.

    Parameters
    ----------
    evaluator
        Backtests.
    plan
        Space, searcher, trials and objective; groups, purge and history of its windows.
    embargo_days
        Left out after each tested group, besides the purge.
    finished
        Splits that have run before, by number: they are not run again.
    on_split
        Called with each result in order, before the next split is begun.

    Raises
    ------
    OptimizationError
        If the history can't be parted, or the search can't run.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.search_settings import WindowSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.combinatorial_study import combinatorial_study
    >>> from quant_pipelines.optimize.space import Dimension, Space
    >>> from quant_pipelines.optimize.walk_forward import Plan
    >>> class Certain:  # see Evaluator
    ...     def search(self, start_ms, end_ms, parameter_sets):
    ...         return np.tile([one["rate"] for one in parameter_sets], ((end_ms - start_ms) // DAY_MS, 1))
    ...     def longest_holding_ms(self, start_ms, end_ms, parameters):
    ...         return 0
    ...     def cover(self, fold, parameter_sets):
    ...         return self.search(fold.test_start_ms, fold.test_end_ms, parameter_sets)
    >>> space = Space((Dimension("rate", -0.01, 0.01, is_integer=False),), is_valid=lambda values: True)
    >>> windows = WindowSettings(train_days=6, test_days=2, folds=3, purge_hours=0, groups=4, test_groups=2)
    >>> plan = Plan(space, windows, 20 * DAY_MS, "grid", trials=3, objective="profit_factor")
    >>> study = combinatorial_study(Certain(), plan)
    >>> study.paths.shape, float(study.paths.min())
    ((3, 12), 0.01)
    """
    windows = plan.windows
    gaps = Gaps(-(-windows.purge_hours * HOUR_MS // DAY_MS), embargo_days)
    window = Window(plan.start_ms, plan.end_ms)
    results = []
    for number, split in enumerate(combinatorial_splits(window, windows.groups, windows.test_groups, gaps)):
        known = finished.get(number)
        results.append(
            SplitResult(split, *known)
            if known is not None
            else _split_result(evaluator, plan, split, (number, gaps.purge_days))
        )
        on_split(results[-1])
    return Study(window, tuple(results), _stitched(window, results))


def _split_result(evaluator: Evaluator, plan: Plan, split: Split, numbered: "tuple[int, int]") -> SplitResult:
    number, purge_days = numbered
    search = WindowSearch(evaluator, plan.space, plan.objective, *(part.window for part in split.train))
    seed = plan.seed * 1_000_003 + number + 1
    search.run(make_searcher(plan.searcher, plan.space, trials=plan.trials, seed=seed))
    best, purge_days = _best(evaluator, plan.objective, split.train, search, purge_days)
    tested = tuple(
        _tested(evaluator, one, best) if best is not None else np.zeros((one.end_ms - one.start_ms) // DAY_MS)
        for one in split.test
    )
    return SplitResult(split, best, len(search.tried), purge_days, tested)


def _best(
    evaluator: Evaluator,
    objective: str | Ranking,
    train: Sequence[TrainPart],
    search: WindowSearch,
    purge_days: int,
) -> tuple[Parameters | None, int]:
    """Best set on the days that its own longest holding leaves, and how many days that purges."""
    least = purge_days
    while True:
        is_kept = _kept(train, purge_days - least)
        values = rank_by(objective, search.returns[is_kept])
        if not np.isfinite(values).any():
            return None, purge_days
        best = search.tried[int(np.argmax(np.where(np.isfinite(values), values, -np.inf)))]
        held_ms = max(evaluator.longest_holding_ms(*part.window, best) for part in train)
        longer = -(-held_ms // DAY_MS)
        if longer <= purge_days or _kept(train, longer - least).mean() < LARGEST_SHARE:
            return best, purge_days
        purge_days = longer


def _kept(train: Sequence[TrainPart], cut: int) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which train days are left where so many more are cut at the edges of tested groups."""
    parts = []
    for part in train:
        kept = np.full((part.window.end_ms - part.window.start_ms) // DAY_MS, fill_value=True)
        if part.after_test:
            kept[:cut] = False
        if part.before_test and cut:
            kept[-cut:] = False
        parts.append(kept)
    return np.concatenate(parts)


def _tested(evaluator: Evaluator, window: Window, parameters: Parameters) -> FloatArray:
    fold = Fold(0, window.start_ms, window.start_ms, *window)
    return evaluator.cover(fold, [parameters])[:, 0]


def _stitched(window: Window, results: Sequence[SplitResult]) -> FloatArray:
    n_paths = 1 + max(path for one in results for path in one.split.paths)
    paths = np.zeros((n_paths, (window.end_ms - window.start_ms) // DAY_MS))
    for one in results:
        for path, tested, returns in zip(one.split.paths, one.split.test, one.returns, strict=True):
            first = (tested.start_ms - window.start_ms) // DAY_MS
            paths[path, first : first + returns.size] = returns
    return paths
