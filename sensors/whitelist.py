"""Follows the whitelist: partition, history and search of a coin that comes, the end of one that leaves."""

from collections.abc import Sequence

import dagster as dg

from assets.history import symbol_history
from assets.partitions import SYMBOLS, SYMBOLS_NAME, range_request
from assets.resources import Platform
from jobs.names import FIRST_START, FOCUSED_OPTIMIZATION, SYMBOL_BACKFILL
from jobs.pipelines import focused_optimization, symbol_backfill
from jobs.runs import unfinished_run
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.first_start import has_results
from quant_pipelines.store.market import read_whitelist
from quant_pipelines.store.requests import WHITELIST, seeded_symbols
from quant_pipelines.store.whitelist import leaving_coins
from sensors.first_imports import load_heavy
from sensors.searches import run_open_requests

STAGES = (SYMBOL_BACKFILL, FOCUSED_OPTIMIZATION)
"""What an approved coin goes through, each after the one before has succeeded."""


@dg.sensor(
    name="new_whitelist_symbol",
    jobs=[symbol_backfill, focused_optimization],
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds the partition of an approved coin, brings its history, then asks for its search; ends "
    "what trades a coin that leaves, and takes it off once it is flat",
)
def new_whitelist_symbol(
    context: dg.SensorEvaluationContext, platform: dg.ResourceParam[Platform]
) -> dg.SensorResult:
    """Go on with what leaves, add partitions, store new requests, and run what is open."""
    load_heavy()
    from quant_pipelines.operations.triggers import watch_whitelist  # noqa: PLC0415 - scipy

    _finish_exits(context, platform)
    # Read first: a symbol approved meanwhile gets its partition with the next tick, never before its request.
    traded = read_whitelist(platform.engine, platform.exchange)
    watch_whitelist(platform.engine, platform.exchange, platform.clock)
    missing = sorted(set(traded) - set(context.instance.get_dynamic_partitions(SYMBOLS_NAME)))
    answer = run_open_requests(context.instance, platform, WHITELIST, STAGES)
    requests = _history_of_seeds(context.instance, platform, missing)
    requests += [] if isinstance(answer, dg.SkipReason) else answer
    return dg.SensorResult(
        run_requests=requests or None,
        skip_reason=answer if isinstance(answer, dg.SkipReason) and not requests else None,
        dynamic_partitions_requests=[SYMBOLS.build_add_request(missing)] if missing else [],
    )


def _finish_exits(context: dg.SensorEvaluationContext, platform: Platform) -> None:
    """End what trades the coins that leave, and take off those that nothing trades any more."""
    if not leaving_coins(platform.engine, platform.exchange):
        return
    load_heavy()
    from quant_pipelines.operations.coin_exit import finish_exits  # noqa: PLC0415 - numba

    for told in finish_exits(platform.engine, platform.exchange, platform.clock):
        context.log.info(told)


def _history_of_seeds(
    instance: dg.DagsterInstance, platform: Platform, missing: Sequence[str]
) -> list[dg.RunRequest]:
    """One run over the symbols of the settings: the first start brought their data, this shows them."""
    if missing or unfinished_run(instance, (FIRST_START,)) or not has_results(platform.engine):
        return []
    with transaction(platform.engine) as connection:
        seeded = set(seeded_symbols(connection, platform.exchange))
    waiting = seeded - instance.get_materialized_partitions(symbol_history.key)
    # A range follows the order in which partitions were added; what lies between is stored and costs little.
    ordered = [symbol for symbol in instance.get_dynamic_partitions(SYMBOLS_NAME) if symbol in waiting]
    if not ordered:
        return []
    key = f"history-{ordered[0]}-{ordered[-1]}"
    return [range_request(ordered[0], ordered[-1], key, SYMBOL_BACKFILL)]
