"""An approved coin: its partition, its history, and only then its search; one sensor tick after the other."""

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import delete, insert, select

from assets.partitions import SYMBOLS
from assets.resources import Platform
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.operations.coverage import bar_coverage
from quant_pipelines.store.market import read_whitelist, seed_symbols
from quant_pipelines.store.tables import optimization_requests, whitelist
from quant_pipelines.store.whitelist import Leaving, mark_leaving
from sensors.searches import REQUEST_TAG
from sensors.whitelist import new_whitelist_symbol
from tests.pipelines.test_automation import deployment

SYMBOL = "BTC/USDT:USDT"
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


def approve(platform: Platform, symbol: str = SYMBOL, operator: str = "ann") -> None:
    row = {"exchange": "binanceusdm", "symbol": symbol, "added_at": from_ms(platform.clock())}
    with platform.engine.begin() as connection:
        connection.execute(insert(whitelist).values(**row, added_by=operator, reason="hot"))


def tick(instance: dg.DagsterInstance, platform: Platform) -> tuple[list[dg.RunRequest], str]:
    """Run requests and skip message of one evaluation; partitions are added as the daemon does."""
    context = dg.build_sensor_context(instance=instance, resources={"platform": platform})
    result = new_whitelist_symbol(context)
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
    skipped = result.skip_reason
    return list(result.run_requests or []), skipped.skip_message or "" if skipped else ""


def ended(instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus) -> None:
    create_run_for_test(instance, job_name=job, tags={REQUEST_TAG: "1"}, status=status)


def statuses(platform: Platform) -> list[str]:
    with platform.engine.connect() as connection:
        return list(connection.execute(select(optimization_requests.c.status)).scalars())


@pytest.fixture
def approved(platform: Platform, instance: dg.DagsterInstance) -> Platform:
    """Platform after its first start, on which an operator has approved a coin."""
    deployment(platform)
    approve(platform)
    return platform


def test_coin_waits_for_the_first_start_but_has_its_partition(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    approve(platform)
    assert tick(instance, platform) == ([], "the first start has not filled the graph yet")
    assert instance.get_dynamic_partitions(SYMBOLS.name) == [SYMBOL]


def test_approved_coin_is_backfilled_first(approved: Platform, instance: dg.DagsterInstance) -> None:
    (request,), _ = tick(instance, approved)
    assert (request.job_name, request.partition_key) == ("symbol_backfill", SYMBOL)
    assert instance.get_dynamic_partitions(SYMBOLS.name) == [SYMBOL]


def test_no_partition_is_older_than_the_request_of_its_symbol(
    approved: Platform, instance: dg.DagsterInstance
) -> None:
    """A coin approved between two reads of one tick: its partition without its request would tell of a search
    that nobody asked for.
    """
    reads, now = 0, approved.clock()

    def clock() -> int:
        nonlocal reads
        reads += 1
        if reads == 2:  # of the request of the first coin: the open ones were looked up before
            approve(approved, "ETH/USDT:USDT")
        return now

    approved.clock = clock
    tick(instance, approved)
    with approved.engine.connect() as connection:
        asked = set(connection.execute(select(optimization_requests.c.symbol)).scalars())
    assert reads >= 2
    assert set(instance.get_dynamic_partitions(SYMBOLS.name)) <= asked


def test_search_waits_for_the_backfill(approved: Platform, instance: dg.DagsterInstance) -> None:
    tick(instance, approved)
    ended(instance, "symbol_backfill", dg.DagsterRunStatus.STARTED)
    requests, skipped = tick(instance, approved)
    assert requests == []
    assert "symbol_backfill runs" in skipped


def test_search_of_the_whole_symbol_follows_its_backfill(
    approved: Platform, instance: dg.DagsterInstance
) -> None:
    tick(instance, approved)
    ended(instance, "symbol_backfill", SUCCESS)
    (request,), _ = tick(instance, approved)
    assert request.job_name == "focused_optimization"
    assert request.run_config["ops"]["walk_forward"]["config"] == {
        "strategies": [],
        "symbols": [SYMBOL],
        "timeframes": [],
        "depth": "NORMAL",
        "reason": f"request 1 (whitelist): {SYMBOL}: approved by ann",
    }


@pytest.mark.parametrize(
    ("backfills", "searches", "status"),
    [
        ([SUCCESS], [SUCCESS], "done"),
        ([FAILURE], [], "open"),
        ([FAILURE] * 3, [], "failed"),
        ([SUCCESS], [FAILURE] * 3, "failed"),
    ],
)
def test_request_ends_with_its_last_run(
    approved: Platform,
    instance: dg.DagsterInstance,
    backfills: list[dg.DagsterRunStatus],
    searches: list[dg.DagsterRunStatus],
    status: str,
) -> None:
    tick(instance, approved)
    for job, runs in (("symbol_backfill", backfills), ("focused_optimization", searches)):
        for run in runs:
            ended(instance, job, run)
    requests, _ = tick(instance, approved)
    assert statuses(approved) == [status]
    assert len(requests) == (status == "open")


def test_symbol_that_left_the_whitelist_is_neither_backfilled_nor_searched(
    approved: Platform, instance: dg.DagsterInstance
) -> None:
    tick(instance, approved)
    with approved.engine.begin() as connection:
        connection.execute(delete(whitelist))
    assert tick(instance, approved) == ([], "nothing asks for a search")
    assert statuses(approved) == ["failed"]


def test_seeded_symbols_get_partitions_and_one_run(platform: Platform, instance: dg.DagsterInstance) -> None:
    seeds = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    seed_symbols(platform.engine, platform.exchange, seeds, seeds, from_ms(platform.clock()))
    deployment(platform)
    assert tick(instance, platform) == ([], "nothing asks for a search")
    assert instance.get_dynamic_partitions(SYMBOLS.name) == seeds
    (request,), _ = tick(instance, platform)
    assert request.job_name == "symbol_backfill"
    assert request.tags["dagster/asset_partition_range_end"] == "ETH/USDT:USDT"
    assert statuses(platform) == []


def backfill(platform: Platform, instance: dg.DagsterInstance, symbol: str) -> dict[str, object]:
    """Metadata of a symbol's partition after its job has run."""
    job = build_definitions(platform).resolve_job_def("symbol_backfill")
    instance.add_dynamic_partitions(SYMBOLS.name, [symbol])
    result = job.execute_in_process(instance=instance, partition_key=symbol)
    assert result.success
    (event,) = result.get_asset_materialization_events()
    assert event.partition == symbol
    metadata = event.step_materialization_data.materialization.metadata
    return {name: value.value for name, value in metadata.items()}


def listed(platform: Platform, instance: dg.DagsterInstance) -> None:
    """Specifications, universe and whitelist, as after the first asset."""
    job = build_definitions(platform).resolve_job_def("first_start")
    tags = {
        "dagster/asset_partition_range_start": "2024-03-14",
        "dagster/asset_partition_range_end": "2024-03-15",
    }
    assert job.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("instruments")], tags=tags
    ).success


def test_partition_brings_the_whole_history_of_its_symbol_and_says_what_is_there(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    listed(platform, instance)
    told = backfill(platform, instance, "SOL/USDT:USDT")
    assert (told["first_bar"], told["last_bar"]) == ("2024-03-06 00:00", "2024-03-15 10:01")
    assert (told["bars"], told["missing"], told["findings"], told["blocking"]) == (9 * 1440 + 602, 0, 0, 0)
    assert (told["fetched_days"], told["skipped_days"]) == (10, 0)
    rows = bar_coverage(platform.engine, platform.exchange, ["SOL/USDT:USDT"])
    assert [row["timeframe"] for row in rows] == ["1m", "5m", "15m", "1h", "4h", "1d"]
    assert bar_coverage(platform.engine, platform.exchange, ["ETH/USDT:USDT"]) == []


def test_backfill_that_is_launched_again_fetches_today_only(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    listed(platform, instance)
    backfill(platform, instance, SYMBOL)
    told = backfill(platform, instance, SYMBOL)
    assert (told["fetched_days"], told["skipped_days"], told["bars"]) == (1, 9, 9 * 1440 + 602)


def test_symbol_that_the_exchange_does_not_list_is_left_out(
    platform: Platform, instance: dg.DagsterInstance
) -> None:
    listed(platform, instance)
    assert backfill(platform, instance, "GONE/USDT:USDT")["left_out"] == "not listed"


def test_traded_symbol_outside_the_universe_keeps_its_data(platform: Platform) -> None:
    seed_symbols(platform.engine, platform.exchange, ["ETH/USDT:USDT"], [], from_ms(platform.clock()))
    approve(platform)
    assert platform.symbols() == [SYMBOL, "ETH/USDT:USDT"]


def test_coin_that_leaves_is_taken_off_by_a_tick_once_nothing_trades_it(
    approved: Platform, instance: dg.DagsterInstance
) -> None:
    approve(approved, "ETH/USDT:USDT")
    coin = Leaving("ETH/USDT:USDT", from_ms(approved.clock()), "ann", "delisted soon")
    with approved.engine.begin() as connection:
        mark_leaving(connection, "binanceusdm", coin)
    tick(instance, approved)
    assert read_whitelist(approved.engine, "binanceusdm") == [SYMBOL]
    tick(instance, approved)
