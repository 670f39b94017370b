"""Group ``research``: the weekly look at all records, on which capital rests."""

from typing import Any

import dagster as dg

from assets.rendering import table
from assets.research import verdicts
from assets.resources import Platform
from quant_pipelines.store.engine import transaction

_COLUMNS = (
    "strategy",
    "timeframe",
    "symbol",
    "decision",
    "decided_by",
    "pool_passed",
    "more_days",
    "fewest_more_days",
    "most_more_days",
    "statistic",
    "critical",
    "sharpe",
)


@dg.asset(
    deps=[verdicts], group_name="research", owners=["team:quant"], kinds={"python", "numba", "postgres"}
)
def capital_looks(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult:
    """Look at the records of all strategies once a week: which have proved enough for capital.

    Looks hang on the calendar. Before the next week is over there is none, however often this is run; then
    the newest one is shown again.
    """
    from quant_pipelines.research.capital import take_due_look  # noqa: PLC0415 - numba
    from quant_pipelines.store.capital import counted_look, newest_look  # noqa: PLC0415 - scipy

    answer = take_due_look(platform.engine, platform.exchange, platform.clock)
    context.log.info(answer.told)
    with transaction(platform.engine) as connection:
        look = newest_look(connection, platform.exchange)
    look = counted_look(look, platform.fresh) if look else None
    metadata: dict[str, Any] = {"told": answer.told, "is_taken": answer.is_taken}
    return dg.MaterializeResult(metadata=metadata | (_shown(look) if look else {}))


def _shown(look: dict[str, Any]) -> dict[str, Any]:
    names = ("family_size", "pools", "block", "symbol_block", "n_days", "alpha_spent", "spa_p")
    counts = {
        decision: sum(row["decision"] == decision for row in look["records"])
        for decision in ("passed", "undecided", "refused")
    }
    # No critical value where nothing may be spent yet.
    critical = {} if look["critical"] is None else {"critical": look["critical"]}
    records = table({name: row[name] for name in _COLUMNS} for row in look["records"])
    day = {"look_day": look["look_day"].isoformat()}
    return {**day, **counts, **{name: look[name] for name in names}, **critical, "records": records}
