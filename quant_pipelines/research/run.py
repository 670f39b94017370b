"""Runs one walk-forward from its job to its verdict; what an interrupted run stored is not computed again."""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.bar.carried import Carried
from quant_pipelines.core.errors import DataError, OptimizationError, QuantError
from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.core.known_funding import KnownFunding, all_known
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.judge import Context, judge
from quant_pipelines.optimize.space import space_of
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.optimize.walk_forward import FoldResult, Plan, WalkForward, walk_forward
from quant_pipelines.portfolio import AllIn
from quant_pipelines.research.archive_source import ArchiveSource
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.history import History, HistorySource, holding_return, load_history
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.research.library import source_in_force
from quant_pipelines.research.window import settle_window
from quant_pipelines.sdk import StrategySource, load_strategy, strategies_folder
from quant_pipelines.store import research as store
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.records import first_seen_ms, read_folds, save_fold
from quant_pipelines.store.verdicts import count_previous_trials, save_verdict, verdict_of_task
from quant_pipelines.trading import Execution, TradingRules

_log = logging.getLogger(__name__)
# What a job is called and why it is run do not change its result; where it may begin decided its folds.
_NOT_IN_KEY = ("trigger", "strategies_folder", "strategy", "window_start_ms")
# How far the calendar is run, and how its days are judged, changes no day.
_NOT_IN_RECORD = (*_NOT_IN_KEY, "window_end_ms", "folds", "windows", "gates", "overfit_blocks")
_NOT_IN_CALENDAR = ("folds", "min_folds")


def optimize_one(
    engine: Engine | None,
    job: OptimizationJob,
    *,
    source: HistorySource | None = None,
    on_fold: Callable[[FoldResult], None] = lambda _: None,
) -> VerdictRecord:
    """Walk forward and judge.

    Parameters
    ----------
    engine
        Product database: the strategy's text in force is read from its library, folds, trials and the
        verdict are stored there, and an unfinished task goes on. None reads the strategy's file, stores
        nothing and needs ``job.archive``.
    job
        What to run.
    source
        Where history comes from; by default the job's archive, else the database.
    on_fold
        Called with every fold as it is known, those of the record first, and with what is added to it.

    Returns
    -------
    VerdictRecord
        The stored one if this very job was finished before.

    Raises
    ------
    StrategyError
        If the strategy is unknown or broken, or no text of it has passed its trial.
    DataError
        If history is missing, malformed, or blocked by a finding of the quality checks.
    OptimizationError
        If the search can't run, or another process is at this task.
    """
    folder = strategies_folder(job.strategies_folder)
    if engine is None:
        strategy = load_strategy(job.strategy, folder)
    else:
        strategy = source_in_force(engine, job.strategy, folder)
    market = source or open_source(engine, job)
    job = settle_window(job, market, strategy.strategy_class)
    if engine is None:
        run = _Run(job, strategy, market)
        return run.judge(run.walk(on_fold=on_fold))
    return _stored(engine, _Run(job, strategy, market), on_fold)


def resume_job(engine: Engine, task_id: int) -> OptimizationJob:
    """Job of a stored task, to be run again with ``optimize_one``.

    Raises
    ------
    OptimizationError
        If there is no such task.
    """
    task = store.read_task(engine, task_id)
    if task is None:
        raise OptimizationError(
            f"optimization {task_id} is not stored; expected the id of one that was begun"
        )
    return OptimizationJob.from_document(task.settings["job"])


def open_source(engine: Engine | None, job: OptimizationJob, columns: Path | None = None) -> HistorySource:
    """History of a job: its archive, else the database, read through the column files of a folder."""
    if job.archive is not None:
        return ArchiveSource(Path(job.archive), job.exchange)
    if engine is None:
        raise OptimizationError("no database and no archive is given; expected one of them")
    return DatabaseSource(engine, job.exchange, columns)


class _Run:
    """One settled job with its strategy and plan; the history is loaded when it is first needed."""

    def __init__(self, job: OptimizationJob, strategy: StrategySource, source: HistorySource) -> None:
        self.job = job
        self.strategy = strategy
        self._source = source
        self._history: History | None = None
        self.plan = Plan(
            space=space_of(strategy.strategy_class),
            windows=replace(job.windows, folds=job.folds or job.windows.folds),
            end_ms=job.window_end_ms or 0,
            searcher=job.searcher,
            trials=job.trials,
            objective=job.objective,
            seed=job.seed,
            cover_points=job.overfit_points,
        )

    @property
    def key(self) -> str:
        """Digest of everything that decides the result."""
        return digest_of(_without(self.job.to_document(), _NOT_IN_KEY) | self._version)

    @property
    def record_key(self) -> str:
        """Digest of everything that decides a day, whatever the night that computes it."""
        document = self.job.to_document()
        calendar = _without(document["windows"], _NOT_IN_CALENDAR)
        executed = {"execution_timeframe": self.history.execution_timeframe}
        procedure = _without(document, _NOT_IN_RECORD) | self._version | executed
        return digest_of(procedure | {"calendar": calendar})

    @property
    def _version(self) -> dict[str, Any]:
        versions = {"content_hash": self.strategy.content_hash, "kernel_digest": kernel_digest()}
        return versions | {"strategy": self.strategy.name}

    @property
    def history(self) -> History:
        """Market history of the whole window."""
        if self._history is None:
            job, plan = self.job, self.plan
            history = load_history(
                self._source,
                symbols_of(job.symbol),
                job.timeframe,
                Window(plan.start_ms, plan.end_ms),
                strategy_class=self.strategy.strategy_class,
            )
            if job.archive is None and history.findings:
                raise DataError(
                    f"{len(history.findings)} findings block the window: {history.findings[0]}; "
                    "expected none, so repair the data first"
                )
            self._history = history
        return self._history

    @property
    def rules(self) -> TradingRules:
        """Rules under which a deployment would trade, and so the backtest."""
        return TradingRules(
            costs=self.job.costs,
            sizing=AllIn(min(1.0, self.job.risk.max_position_fraction)),
            limits=RiskLimits.from_settings(self.job.risk),
            specification=self.history.members[0].specification,
            execution=Execution.from_settings(self.job.execution),
        )

    def walk(self, **progress: Any) -> WalkForward:
        """Run the folds that are not finished."""
        settings = BacktestSettings(capital=self.job.capital, rules=self.rules)
        evaluator = BacktestEvaluator(self.strategy.strategy_class, self.history, settings)
        return walk_forward(evaluator, self.plan, **progress)

    def judge(
        self, finished: WalkForward, previous_trials: int = 0, first_seen_ms: int | None = None
    ) -> VerdictRecord:
        """Verdict on a finished walk-forward."""
        job, history = self.job, self.history
        stitched = finished.out_of_sample
        context = Context(
            job.gates,
            job.overfit_blocks,
            previous_trials=previous_trials,
            blocking_findings=history.findings,
            known_funding=known_funding_of(stitched, history),
            first_seen_ms=first_seen_ms,
        )
        judgment = judge(finished, context)
        parameters = dict(finished.promoted.parameters or {})
        tested = [one for one in finished.folds if one.test.days.size]
        promoted = self.strategy.strategy_class(**parameters)
        inside = judgment.in_sample | {"history_bars": promoted.history_bars}
        outside = judgment.out_of_sample | {
            "holding_return": self._holding_return(stitched),
            "execution_timeframe": history.execution_timeframe,
            "folds": len(tested),
            "days_without_parameters": sum(
                one.test.days.size for one in tested if one.fit.parameters is None
            ),
            "configured_folds": job.windows.folds,
            "cold_folds": sum(not one.test.is_warm for one in tested),
        }
        record = VerdictRecord(
            strategy=self.strategy.name,
            content_hash=self.strategy.content_hash,
            exchange=job.exchange,
            symbol=job.symbol,
            timeframe=job.timeframe,
            window_start_ms=self.plan.start_ms,
            window_end_ms=self.plan.end_ms,
            parameters=parameters,
            in_sample=store.finite(inside),
            out_of_sample=store.finite(outside),
            gates=judgment.gates,
            daily_returns=tuple(stitched.returns.tolist()),
        )
        return replace(record, reasons=record.failures)

    def _holding_return(self, stitched: OutOfSample) -> float | None:
        """Return of buying at the first out-of-sample open and holding to the last close, without costs."""
        window = Window(int(stitched.days[0]), int(stitched.days[-1]) + DAY_MS)
        return holding_return(self._source, symbols_of(self.job.symbol), self.job.timeframe, window)

    def version_row(self) -> dict[str, Any]:
        """Columns of the strategy's version."""
        return {
            "strategy": self.strategy.name,
            "description": self.strategy.description,
            "content_hash": self.strategy.content_hash,
            "kernel_digest": kernel_digest(),
            "source": self.strategy.source,
            "parameters": self.strategy.strategy_class.describe_space(),
        }

    def task_row(self) -> dict[str, Any]:
        """Columns of the task, with the rules that a deployment of its verdict trades under."""
        job = self.job
        same = ("exchange", "symbol", "timeframe", "searcher", "objective", "seed", "trigger")
        return {name: getattr(job, name) for name in same} | {
            "task_key": self.key,
            "record_key": self.record_key,
            "strategy": self.strategy.name,
            "window_start": from_ms(self.plan.start_ms),
            "window_end": from_ms(self.plan.end_ms),
            "settings": {"job": job.to_document(), "rules": self.rules.to_document()},
        }


def _stored(engine: Engine, run: _Run, on_fold: Callable[[FoldResult], None]) -> VerdictRecord:
    with store.sole_worker(engine, run.record_key):
        row = run.task_row()
        task = store.open_task(engine, run.version_row(), row)
        with transaction(engine) as connection:
            known = read_folds(connection, task.id)
            seen_ms = first_seen_ms(connection, run.strategy.name, run.strategy.content_hash)
            done = verdict_of_task(connection, task.id) if task.status == store.DONE else None
        for result in known.values():
            on_fold(result)
        if done is not None:
            return done

        def keep(result: FoldResult) -> None:
            save_fold(engine, task.record_id, result)
            on_fold(result)

        try:
            finished = run.walk(finished=known, on_fold=keep)
            record = run.judge(finished, count_previous_trials(engine, row), seen_ms)
        except QuantError as error:
            store.fail_task(engine, task.id, str(error))
            raise
        verdict_id = save_verdict(engine, task, record)
    _log.info("verdict %d: %s %s %s", verdict_id, record.strategy, record.symbol, record.timeframe)
    return replace(record, id=verdict_id, task_id=task.id)


def known_funding_of(record: OutOfSample, history: History) -> KnownFunding:
    """How much of the time held has known funding, of round trips that ended and of what is still open."""
    books = Carried.from_document(record.carried["account"]).books if record.carried else ()
    still_open = [
        {
            "symbol": member.bars.symbol,
            "entry_time": book.trade.entry_ts,
            "exit_time": book.until_ms - 1,  # the slot at the very close is the next day's
        }
        for member, book in zip(history.members, books, strict=False)  # none is flat
        if book.trade.side
    ]
    ended = [KnownFunding(**trade["known_funding"]) for trade in record.trades]
    return all_known([*ended, history.known_funding(still_open)])


def _without(document: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}
