"""What a record is of: the digest of everything that decides a day, whatever the night that computes it."""

from collections.abc import Collection, Mapping
from typing import Any

from quant_pipelines.core.ids import digest_of
from quant_pipelines.core.jit import kernel_digest
from quant_pipelines.optimize.searchers import SEARCHERS
from quant_pipelines.research.job import OptimizationJob
from quant_pipelines.sdk import StrategySource

# What a job is called and why it is run do not change its result; where it may begin decided its folds.
_NOT_IN_KEY = ("trigger", "strategies_folder", "strategy", "window_start_ms")
# How far the calendar is run, how its days are judged, and what only a study of many paths reads: none of it
# changes a day.
_NOT_IN_RECORD = (*_NOT_IN_KEY, "window_end_ms", "folds", "windows", "gates", "overfit_blocks")
_NOT_IN_CALENDAR = ("folds", "min_folds", "groups", "test_groups", "embargo_hours")
_OF_CAPACITY = ("capacity_participation",)


def task_key(job: OptimizationJob, strategy: StrategySource) -> str:
    """Digest of everything that decides a result: same key, same work."""
    parts = version_of(strategy) | searcher_version(job) | capacity_version(job)
    return digest_of(_without(job.to_document(), _NOT_IN_KEY) | parts)


def record_key(job: OptimizationJob, strategy: StrategySource, execution_timeframe: str) -> str:
    """Digest of everything that decides a day, whatever the night that computes it."""
    document = job.to_document()
    calendar = _without(document["windows"], _NOT_IN_CALENDAR)
    constraints = _without(document["constraints"], () if job.constraints.min_capacity else _OF_CAPACITY)
    parts = {"execution_timeframe": execution_timeframe, "calendar": calendar, "constraints": constraints}
    versions = version_of(strategy) | searcher_version(job) | capacity_version(job)
    return digest_of(_without(document, _NOT_IN_RECORD) | versions | parts)


def searcher_version(job: OptimizationJob) -> dict[str, int]:
    """Version of a searcher that draws other sets than its first: what was found by that stays as it is."""
    searcher = SEARCHERS.get(job.searcher)
    return {"searcher_version": searcher.version} if searcher and searcher.version > 1 else {}


def capacity_version(job: OptimizationJob) -> dict[str, int]:
    """Version of how a capacity is measured where one is asked: once by the mean, now by the thin bars."""
    return {"capacity_version": 2} if job.constraints.min_capacity else {}


def version_row(strategy: StrategySource) -> dict[str, Any]:
    """Columns of a strategy's version."""
    return {
        "strategy": strategy.name,
        "description": strategy.description,
        "content_hash": strategy.content_hash,
        "kernel_digest": kernel_digest(),
        "source": strategy.source,
        "parameters": strategy.strategy_class.describe_space(),
    }


def version_of(strategy: StrategySource) -> dict[str, Any]:
    """Text and kernel by which a strategy trades."""
    versions = {"content_hash": strategy.content_hash, "kernel_digest": kernel_digest()}
    return versions | {"strategy": strategy.name}


def _without(document: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}
