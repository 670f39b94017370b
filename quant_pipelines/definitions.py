"""Composition root of the code server and of every run: settings and resources meet assets, jobs, sensors."""

import os

import dagster as dg

from assets import (
    allocation,
    capital,
    history,
    library,
    market,
    parity,
    quality,
    research,
    selection,
    trading,
    usefulness,
)
from assets.resources import Platform
from jobs.backtest import backtest
from jobs.backups import backup_drill, daily_backup
from jobs.culling import culling
from jobs.housekeeping import housekeeping
from jobs.operator import OPERATOR_JOBS
from jobs.pipelines import PIPELINES
from jobs.replay import replay_verdict
from jobs.schedules import SCHEDULES
from quant_pipelines.pages.place import page_place
from quant_pipelines.settings import home_folder, load_settings
from quant_pipelines.stack.home import Home
from sensors.first_start import first_start_sensor
from sensors.market_health import market_health
from sensors.promotion import promotion_ladder
from sensors.run_failure import run_failure
from sensors.searches import performance_triggers
from sensors.strategy_files import strategy_files
from sensors.whitelist import new_whitelist_symbol


def build_definitions(platform: Platform) -> dg.Definitions:
    """Everything that Dagster knows, around one outer world."""
    return dg.Definitions(
        assets=dg.load_assets_from_modules(
            [
                market,
                quality,
                history,
                selection,
                usefulness,
                library,
                research,
                trading,
                capital,
                parity,
                allocation,
            ]
        ),
        asset_checks=[quality.data_findings],
        jobs=[
            *PIPELINES,
            backtest,
            culling,
            daily_backup,
            backup_drill,
            housekeeping,
            replay_verdict,
            *OPERATOR_JOBS,
        ],
        schedules=SCHEDULES,
        sensors=[
            first_start_sensor,
            market_health,
            performance_triggers,
            new_whitelist_symbol,
            promotion_ladder,
            run_failure,
            strategy_files,
        ],
        resources={"platform": platform},
        # A process for each step costs half a minute on a small machine; fan-out happens inside steps.
        executor=dg.in_process_executor,
    )


# A run over three months of daily partitions stores hundreds of events; one by one they take 40 ms each.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


_HOME = Home(home_folder())
_PLATFORM = Platform(load_settings(), columns=_HOME.folder / "columns", pages=page_place(_HOME))
_PLATFORM.home = _HOME.folder
defs = build_definitions(_PLATFORM)
