"""Runs one walk-forward from its job to its verdict; what an interrupted run stored is not computed again."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine

from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.core.errors import DataError, OptimizationError, QuantError
from quant_pipelines.core.instrument_sets import symbols_of
from quant_pipelines.core.limits import RiskLimits
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.optimize.capital import beyond_holding
from quant_pipelines.optimize.decision import DecisionTerms, evidence_of_record
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.evidence import CapitalEvidence
from quant_pipelines.optimize.holding import holdings_of, longest_holding_days
from quant_pipelines.optimize.judge import Context, judge
from quant_pipelines.optimize.objective_file import Ranking, compile_objective
from quant_pipelines.optimize.space import space_of
from quant_pipelines.optimize.stress import largest_exposure
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.optimize.walk_forward import FoldResult, Plan, WalkForward, walk_forward
from quant_pipelines.portfolio import AllIn
from quant_pipelines.research.archive_source import archive_source
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.research.evaluator import BacktestEvaluator
from quant_pipelines.research.held_funding import known_funding_of
from quant_pipelines.research.history import (
    History,
    HistorySource,
    Needed,
    execution_timeframe_of,
    holding_return,
    load_history,
)
from quant_pipelines.research.job import COMBINATORIAL, OptimizationJob
from quant_pipelines.research.library import source_in_force
from quant_pipelines.research.procedure import record_key, task_key, version_row
from quant_pipelines.research.window import settle_window
from quant_pipelines.sdk import StrategySource, compile_strategy, load_strategy, strategies_folder
from quant_pipelines.store import research as store
from quant_pipelines.store.capital_evidence import newest_evidence
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.market import listed_from_ms
from quant_pipelines.store.records import first_seen_ms, read_folds, save_fold
from quant_pipelines.store.research_lists import version_of_task
from quant_pipelines.store.verdict_rows import verdict_of_task
from quant_pipelines.store.verdicts import count_previous_trials, save_verdict
from quant_pipelines.trading import Execution, TradingRules

_log = logging.getLogger(__name__)


def optimize_one(
    engine: Engine | None,
    job: OptimizationJob,
    *,
    source: HistorySource | None = None,
    strategy: StrategySource | None = None,
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
    strategy
        What is judged; by default the text in force, without a database that of the file.
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
    if job.windows.calendar == COMBINATORIAL:
        raise OptimizationError("calendar is combinatorial, which makes no record; expected forward")
    strategy = strategy or strategy_of(engine, job)
    market = source or open_source(engine, job)
    job = settle_window(job, market, strategy.strategy_class)
    if engine is None:
        run = _Run(job, strategy, market)
        finished = run.walk({}, on_fold)
        return run.judge(finished, _alone(finished.out_of_sample))
    return _stored(engine, _Run(job, strategy, market), on_fold)


def strategy_of(engine: Engine | None, job: OptimizationJob) -> StrategySource:
    """Text in force of a job's strategy; without a database that of its file."""
    folder = strategies_folder(job.strategies_folder)
    if engine is None:
        return load_strategy(job.strategy, folder)
    return source_in_force(engine, job.strategy, folder)


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


def stored_strategy(engine: Engine, task_id: int) -> StrategySource:
    """Text that a stored task judges, whatever stands in its file by now.

    Raises
    ------
    OptimizationError
        If there is no such task.
    """
    with transaction(engine) as connection:
        version = version_of_task(connection, task_id)
    if version is None:
        raise OptimizationError(
            f"optimization {task_id} is not stored; expected the id of one that was begun"
        )
    return compile_strategy(version["strategy"], version["source"])


def plan_of(job: OptimizationJob, strategy: StrategySource) -> Plan:
    """Plan of a settled job: all that decides its search besides the data."""
    return Plan(
        space=space_of(strategy.strategy_class, job.space),
        windows=replace(job.windows, folds=job.folds or job.windows.folds),
        end_ms=job.window_end_ms or 0,
        searcher=job.searcher,
        trials=job.trials,
        promise=job.promise,
        objective=ranking_of(job),
        seed=job.seed,
        cover_points=job.overfit_points,
    )


def evaluator_of(job: OptimizationJob, strategy: StrategySource, source: HistorySource) -> BacktestEvaluator:
    """Backtests of a stored job, under the rules and on the window that it was run with."""
    return _Run(job, strategy, source).evaluator({})


def record_key_of(job: OptimizationJob, strategy: StrategySource, source: HistorySource) -> str:
    """Key of the record that a settled job adds to."""
    return _Run(job, strategy, source).record_key


def open_source(engine: Engine | None, job: OptimizationJob, columns: Path | None = None) -> HistorySource:
    """History of a job: its archive, else the database, read through the column files of a folder."""
    if job.archive is not None:
        return archive_source(Path(job.archive), job.exchange)
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
        self.plan = plan_of(job, strategy)

    @property
    def key(self) -> str:
        """Digest of everything that decides the result."""
        return task_key(self.job, self.strategy)

    @cached_property
    def record_key(self) -> str:
        """See ``procedure.record_key``."""
        return record_key(self.job, self.strategy, self.execution_timeframe)

    @cached_property
    def execution_timeframe(self) -> str:
        """Timeframe on which orders are executed in the whole window."""
        job, plan = self.job, self.plan
        window = Window(plan.start_ms, plan.end_ms)
        return execution_timeframe_of(self._source, symbols_of(job.symbol), job.timeframe, window)

    def note_listing(self, connection: Connection) -> None:
        """Have the days marked that began before the symbols were listed; an archive knows of no list."""
        if self.job.archive is None:
            since = listed_from_ms(connection, self.job.exchange, symbols_of(self.job.symbol))
            self.plan = replace(self.plan, listed_from_ms=since)

    def load(self, known: Mapping[int, FoldResult]) -> History:
        """Market history of the window; what is executed is read from the first fold on that is not known."""
        if self._history is None:
            job, plan = self.job, self.plan
            window = Window(plan.start_ms, plan.end_ms)
            history = load_history(
                self._source,
                symbols_of(job.symbol),
                job.timeframe,
                Needed(window, Window(plan.executed_from_ms(known), plan.end_ms)),
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
            specification=self._source.specification(symbols_of(self.job.symbol)[0]),
            execution=Execution.from_settings(self.job.execution),
        )

    def walk(self, finished: Mapping[int, FoldResult], on_fold: Callable[[FoldResult], None]) -> WalkForward:
        """Run the folds that are not finished."""
        return walk_forward(self.evaluator(finished), self.plan, finished=finished, on_fold=on_fold)

    def evaluator(self, known: Mapping[int, FoldResult]) -> BacktestEvaluator:
        """Backtests under the job's rules on its history; what these folds executed is not read again."""
        settings = BacktestSettings(capital=self.job.capital, rules=self.rules)
        return BacktestEvaluator(
            self.strategy.strategy_class, self.load(known), settings, constraints=self.job.constraints
        )

    def judge(
        self,
        finished: WalkForward,
        evidence: CapitalEvidence,
        previous_trials: int = 0,
        first_seen_ms: int | None = None,
    ) -> VerdictRecord:
        """Verdict on a finished walk-forward, with what a look says of its record."""
        job, history = self.job, self.load({one.fold.index: one for one in finished.folds})
        stitched = finished.out_of_sample
        context = Context(
            job.gates,
            job.overfit_blocks,
            previous_trials=previous_trials,
            blocking_findings=history.findings,
            known_funding=known_funding_of(stitched, history),
            first_seen_ms=first_seen_ms,
            evidence=evidence,
            largest_exposure=self._largest_exposure(stitched),
        )
        judgment = judge(finished, context)
        parameters = dict(finished.promoted.parameters or {})
        tested = [one for one in finished.folds if one.test.days.size]
        promoted = self.strategy.strategy_class(**parameters)
        inside = judgment.in_sample | {"history_bars": promoted.history_bars}
        outside = judgment.out_of_sample | {
            "holding_return": self._holding_return(stitched),
            "execution_timeframe": self.execution_timeframe,
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
            evidence=evidence,
        )
        return replace(record, reasons=record.failures)

    def _largest_exposure(self, stitched: OutOfSample) -> float:
        """Notional over equity; no order goes beyond the limit, whatever was entered over a round trip."""
        return min(largest_exposure(stitched, self.job.capital), self.job.risk.max_position_fraction)

    def _holding_return(self, stitched: OutOfSample) -> float | None:
        """Return of buying at the first out-of-sample open and holding to the last close, without costs."""
        window = Window(int(stitched.days[0]), int(stitched.days[-1]) + DAY_MS)
        return holding_return(self._source, symbols_of(self.job.symbol), self.job.timeframe, window)

    def version_row(self) -> dict[str, Any]:
        """Columns of the strategy's version."""
        return version_row(self.strategy)

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
            evidence = newest_evidence(connection, task.record_id)
            run.note_listing(connection)
            done = verdict_of_task(connection, task.id) if task.status == store.DONE else None
        for result in known.values():
            on_fold(result)
        if done is not None:
            return done

        def keep(result: FoldResult) -> None:
            save_fold(engine, task.record_id, result)
            on_fold(result)

        try:
            finished = run.walk(known, keep)
            record = run.judge(finished, evidence, count_previous_trials(engine, row), seen_ms)
        except QuantError as error:
            store.fail_task(engine, task.id, str(error))
            raise
        verdict_id = save_verdict(engine, task, record)
        with transaction(engine) as connection:
            stored = verdict_of_task(connection, task.id)  # another process may have been the first
    _log.info("verdict %d: %s %s %s", verdict_id, record.strategy, record.symbol, record.timeframe)
    return stored


def ranking_of(job: OptimizationJob) -> str | Ranking:
    """Objective of a job: its name, or what its text defines."""
    return compile_objective(job.objective, job.objective_text) if job.objective_text else job.objective


def _alone(record: OutOfSample) -> CapitalEvidence:
    """Judge a record as a family of its own: nothing is stored that it could be asked beside."""
    end_ms = int(record.days[-1]) + DAY_MS
    terms = DecisionTerms(longest_holding_days=longest_holding_days(holdings_of(record), end_ms))
    is_held_known = np.isfinite(record.exposure).all() and np.isfinite(record.holding).all()
    beyond = beyond_holding(record.returns, record.exposure, record.holding) if is_held_known else None
    first_day = from_ms(int(record.days[0])).date()
    return evidence_of_record(record.returns, first_day, terms=terms, beyond_holding=beyond)
