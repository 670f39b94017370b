"""Snapshots: whoever changes what runs, and when, changes them here too."""

import subprocess
import sys

import dagster as dg
import pytest

from assets.resources import Platform
from jobs.backups import backup_drill, daily_backup
from jobs.culling import culling
from jobs.housekeeping import housekeeping
from jobs.operator import OPERATOR_JOBS
from jobs.pipelines import PIPELINES
from jobs.replay import replay_verdict
from jobs.schedules import SCHEDULES
from quant_pipelines.core.settings import Settings
from quant_pipelines.definitions import build_definitions, defs
from sensors.first_start import first_start_sensor
from sensors.market_health import market_health
from sensors.promotion import promotion_ladder
from sensors.run_failure import run_failure
from sensors.searches import performance_triggers
from sensors.strategy_files import strategy_files
from sensors.whitelist import new_whitelist_symbol

SENSORS = [
    first_start_sensor,
    market_health,
    performance_triggers,
    new_whitelist_symbol,
    promotion_ladder,
    run_failure,
    strategy_files,
]
MARKET_DAY = {"bars_1m", "bars_rollup", "data_quality"}
CHAIN = MARKET_DAY | {
    "data_repair",
    "source_agreement",
    "instruments",
    "bar_months",
    "funding_rates",
    "open_interest",
    "mark_prices",
    "regimes",
    "hot_scores",
    "hot_list",
    "strategy_library",
    "walk_forward",
    "verdicts",
    "paper_screen",
    "deployments",
    "scorecard",
    "attribution",
}
SEARCH = {"strategy_library", "walk_forward", "verdicts", "paper_screen", "deployments"}
SELECTIONS = {
    "first_start": CHAIN,
    "daily_optimization": CHAIN,
    "strategy_scoring": MARKET_DAY | {"scorecard"},
    "hot_coin_scan": {"funding_rates", "open_interest", "hot_scores", "hot_list"},
    "hot_coin_usefulness": {"hot_usefulness", "hot_weights"},
    "price_sampling": {"mark_prices", "regimes"},
    "market_refresh": MARKET_DAY | {"data_repair"},
    "deep_search": SEARCH,
    "focused_optimization": SEARCH,
    "symbol_backfill": {"symbol_history"},
    "strategy_trial": {"strategy_library"},
    "capital_look": {"capital_looks"},
    "daily_parity": {"replay_parity"},
    "daily_allocation": {"allocation"},
}
OPERATORS = {
    "approve_candidate",
    "reject_candidate",
    "roll_back_verdict",
    "acknowledge_looks",
    "approve_hot_coin",
    "set_hot_weight",
    "record_coin_supply",
    "remove_hot_coin",
    "record_price_factor",
    "accept_values",
    "promote_deployment",
    "roll_back_deployment",
    "pin_deployment",
    "unpin_deployment",
    "disable_deployment",
    "set_risk_limit",
    "rebalance",
    "undo_rebalance",
    "halt_runner",
    "resume_runner",
    "flatten_runner",
    "acknowledge_alert",
}
DEPENDENCIES = {
    "instruments": set(),
    "bar_months": set(),
    "bars_1m": {"instruments"},
    "bars_rollup": {"bars_1m"},
    "funding_rates": {"instruments"},
    "open_interest": {"instruments"},
    "mark_prices": {"instruments"},
    "data_quality": {"bars_rollup"},
    "data_repair": {"data_quality"},
    "source_agreement": {"data_repair"},
    "hot_scores": {"data_quality", "funding_rates", "open_interest"},
    "hot_list": {"hot_scores"},
    "hot_usefulness": {"hot_scores"},
    "hot_weights": {"hot_usefulness"},
    "symbol_history": {"instruments"},
    "strategy_library": set(),
    "walk_forward": {"data_repair", "funding_rates", "hot_list", "symbol_history", "strategy_library"},
    "verdicts": {"walk_forward"},
    "paper_screen": {"verdicts"},
    "capital_looks": {"verdicts"},
    "deployments": {"paper_screen"},
    "regimes": {"bars_rollup"},
    "scorecard": {"deployments"},
    "attribution": {"deployments"},
    "replay_parity": {"deployments"},
    "allocation": {"deployments"},
}


def names(keys: object) -> set[str]:
    return {key.to_user_string() for key in keys}  # type: ignore[attr-defined]


def test_definitions_load() -> None:
    dg.Definitions.validate_loadable(defs)


def test_asset_graph_is_the_chain() -> None:
    graph = defs.resolve_asset_graph()
    assert {node.key.to_user_string(): names(node.parent_keys) for node in graph.asset_nodes} == DEPENDENCIES


def test_every_asset_has_description_owner_group_and_kind() -> None:
    bare = [
        node.key.to_user_string()
        for node in defs.resolve_asset_graph().asset_nodes
        if not (
            node.description and node.owners == ["team:quant"] and node.kinds and node.group_name != "default"
        )
    ]
    assert bare == []


def test_quality_checks_are_shown() -> None:
    keys = defs.resolve_asset_graph().asset_check_keys
    assert {key.name for key in keys} == {
        "like_its_replay",
        "no_worse_than_shuffled",
        "gaps",
        "duplicates",
        "off_grid",
        "ohlc",
        "half_open_bar",
        "suspected_half_open_bar",
        "outliers",
        "zero_volume",
        "frozen_price",
        "stale_feed",
        "roll_up_mismatch",
        "source_mismatch",
        "crossed_book",
        "revised_bars",
        "off_slot_funding",
        "missing_funding",
        "volume_unit",
        "funding_rate",
        "open_interest",
        "price_scale",
    }


@pytest.mark.parametrize("job", PIPELINES, ids=lambda job: str(job.name))
def test_job_selects(job: dg.JobDefinition) -> None:
    selected = defs.resolve_job_def(job.name).asset_layer.executable_asset_keys
    assert names(selected) == SELECTIONS[job.name]


def test_all_jobs_are_known_to_this_test() -> None:
    others = {"backtest", "culling", "daily_backup", "backup_drill", "housekeeping", "replay_verdict"}
    assert {one.name for one in defs.jobs or []} == {*SELECTIONS, *OPERATORS, *others}
    assert {one.name for one in OPERATOR_JOBS} == OPERATORS


@pytest.mark.parametrize(
    "job",
    [*OPERATOR_JOBS, culling, daily_backup, backup_drill, housekeeping, replay_verdict],
    ids=lambda job: str(job.name),
)
def test_operator_job_says_what_it_does(job: dg.JobDefinition) -> None:
    assert job.description


def test_searches_wait_for_each_other() -> None:
    searches = ("daily_optimization", "deep_search", "focused_optimization")
    assert {defs.resolve_job_def(name).tags["quant/exclusive"] for name in searches} == {"search"}


def test_schedules_run_when_they_should() -> None:
    assert {one.name: (one.cron_schedule, one.execution_timezone) for one in SCHEDULES} == {
        "daily_optimization_schedule": ("10 0 * * *", "UTC"),
        "strategy_scoring_schedule": ("*/5 * * * *", "UTC"),
        "hot_coin_scan_schedule": ("0 */1 * * *", "UTC"),
        "hot_coin_usefulness_schedule": ("35 1 * * *", "UTC"),
        "price_sampling_schedule": ("20 */1 * * *", "UTC"),
        "deep_search_schedule": ("10 1 * * 0", "UTC"),
        "culling_schedule": ("40 0 * * *", "UTC"),
        "capital_look_schedule": ("30 6 * * *", "UTC"),
        "daily_parity_schedule": ("25 0 * * *", "UTC"),
        "daily_allocation_schedule": ("50 */4 * * *", "UTC"),
        "daily_backup_schedule": ("15 5 * * *", "UTC"),
        "backup_drill_schedule": ("45 5 * * 0", "UTC"),
        "housekeeping_schedule": ("30 5 * * *", "UTC"),
    }


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: str(one.name))
def test_schedule_runs_from_the_first_start(schedule: dg.ScheduleDefinition) -> None:
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


@pytest.mark.parametrize("sensor", SENSORS, ids=lambda one: str(one.name))
def test_sensor_runs_from_the_first_start(sensor: dg.SensorDefinition) -> None:
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING


def test_all_automation_is_known_to_this_test() -> None:
    assert {one.name for one in defs.schedules or []} == {one.name for one in SCHEDULES}
    assert {one.name for one in defs.sensors or []} == {one.name for one in SENSORS}


def test_steps_run_in_the_process_of_the_run() -> None:
    assert defs.executor is dg.in_process_executor


def test_code_server_imports_nothing_heavy() -> None:
    heavy = ("ccxt", "scipy", "skopt", "deap", "pandas", "pyarrow", "numba", "live_runner")
    program = (
        f"import sys, quant_pipelines.definitions; print([name for name in {heavy!r} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_definitions_need_no_database_to_load() -> None:
    dg.Definitions.validate_loadable(build_definitions(Platform(Settings())))


def test_sensors_load_no_part_of_scipy() -> None:
    """They look at challenges and triggers all day; what clusters and inverts is for who decides."""
    parts = ("scipy.special", "scipy.cluster", "scipy.linalg")
    program = (
        "import sys, sensors.first_imports as first; first.load_heavy(); "
        f"print([name for name in {parts!r} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
