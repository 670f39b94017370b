"""Fits a part of a walk-forward's folds, so that workers share one; the walk itself finds them known."""

from typing import NamedTuple

from sqlalchemy import Engine

from quant_pipelines.optimize.walk_forward import Plan, fit_fold
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import HistorySource
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.run import evaluator_of, plan_of, record_key_of
from quant_pipelines.research.window import settle_window
from quant_pipelines.sdk import StrategySource
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.records import fitted_folds, open_record, save_fold


class FoldPart(NamedTuple):
    """Every ``of``-th fold from the ``number``-th on; the open one counts."""

    number: int
    of: int


class Fitting:
    """Folds of one job that are fitted by themselves; its history is loaded once.

    A fit depends on the plan, the data and the fold alone. Who fits a fold again finds the same, and what is
    stored stays as it is.
    """

    def __init__(
        self, engine: Engine, job: OptimizationJob, source: HistorySource, strategy: StrategySource
    ) -> None:
        self._engine = engine
        self._job = settle_window(job, source, strategy.strategy_class)
        self._source = source
        self._strategy = strategy
        self._plan: Plan = plan_of(self._job, strategy)
        self._evaluator: BacktestEvaluator | None = None
        with transaction(engine) as connection:
            self._record_id = open_record(connection, record_key_of(self._job, strategy, source))

    def fit(self, part: FoldPart) -> int:
        """Fit the folds of a part that are not known; how many those were.

        Raises
        ------
        DataError, OptimizationError, StrategyError
            As ``optimize_one`` does.
        """
        with transaction(self._engine) as connection:
            known = fitted_folds(connection, self._record_id)
        todo = [fold for fold in self._plan.folds[part.number :: part.of] if fold.index not in known]
        for fold in todo:
            if self._evaluator is None:
                self._evaluator = evaluator_of(self._job, self._strategy, self._source)
            save_fold(self._engine, self._record_id, fit_fold(self._evaluator, self._plan, fold))
        return len(todo)
