"""What is asked of stored verdicts: one of them, or the difference of two."""

from typing import Any

import numpy as np
from sqlalchemy import Connection

from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.timeframes import YEAR_DAYS, day_of
from quant_pipelines.metrics import total_return
from quant_pipelines.optimize.overfit import moments_of
from quant_pipelines.optimize.paired import PairedDifference, paired_difference
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.store.research_lists import daily_returns_of_task
from quant_pipelines.store.verdict_rows import read_verdict


def require_verdict(connection: Connection, verdict_id: int) -> VerdictRecord:
    """Verdict with this id.

    Raises
    ------
    OptimizationError
        If there is none.
    """
    record = read_verdict(connection, verdict_id)
    if record is None:
        raise OptimizationError(
            f"verdict {verdict_id} does not exist; expected an id that quant research list shows"
        )
    return record


def compare_verdicts(connection: Connection, first_id: int, second_id: int) -> dict[str, Any]:
    """Compare the out-of-sample records of two verdicts on the days that both have.

    Returns
    -------
    dict
        ``verdicts`` (both, on these days), ``difference`` (a year, first minus second, with its 95 %
        interval), ``answer`` (one sentence). Rates are fractions.

    Raises
    ------
    OptimizationError
        If a verdict is unknown, or they have too few days in common.
    """
    records = [require_verdict(connection, one) for one in (first_id, second_id)]
    by_day = [daily_returns_of_task(connection, record.task_id or 0) for record in records]
    days = sorted(by_day[0].keys() & by_day[1].keys())
    if not days:
        raise OptimizationError(
            f"verdicts {first_id} and {second_id} have no day in common; expected 8 or more"
        )
    returns = [np.array([one[day] for day in days]) for one in by_day]
    found = paired_difference(returns[0], returns[1])
    return {
        "verdicts": [_told(record, one) for record, one in zip(records, returns, strict=True)],
        "first_day": day_of(days[0]),
        "last_day": day_of(days[-1]),
        "days_of_each": [len(one) for one in by_day],
        "difference": {**found._asdict(), "is_told": found.is_told},
        "answer": _answer(found, first_id, second_id),
    }


def _told(record: VerdictRecord, returns: Any) -> dict[str, Any]:
    return {
        "verdict_id": record.id,
        "strategy": record.strategy,
        "version": record.content_hash,
        "symbol": record.symbol,
        "timeframe": record.timeframe,
        "days": int(returns.size),
        "total_return": total_return(returns),
        "sharpe": moments_of(returns).sharpe * YEAR_DAYS**0.5,
    }


def _answer(found: PairedDifference, first: int, second: int) -> str:
    span = f"{found.low:+.2%} to {found.high:+.2%}"
    size = f"{found.difference:+.2%} a year for the first minus the second, 95 % from {span}"
    if not found.is_told:
        return f"on {found.days} common days no difference is told: {size}"
    better, other = (first, second) if found.difference > 0 else (second, first)
    return f"on {found.days} common days verdict {better} earned more than verdict {other}: {size}"
