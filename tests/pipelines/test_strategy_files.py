"""Ticks of the sensor that watches the strategies folder, and what its job does."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import select

from assets.library import strategy_library
from assets.resources import Platform
from quant_pipelines.store.tables import alerts
from sensors.strategy_files import strategy_files
from tests.pipelines.test_automation import deployment

TEXT = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Strategy


class Idea(Strategy):
    def target(self, bars: Bars) -> Array:
        return np.sign(np.diff(bars.close, prepend=bars.close[:1]))
"""


@pytest.fixture
def fresh(platform: Platform, tmp_path: Path) -> Iterator[Platform]:
    """Platform with a folder of one strategy."""
    (tmp_path / "idea.py").write_text(TEXT)
    made = Platform(replace(platform.settings, strategies_folder=str(tmp_path)), clock=platform.clock)
    yield made
    made.engine.dispose()


@pytest.fixture
def watched(fresh: Platform) -> Platform:
    """The same after its first start."""
    deployment(fresh)
    return fresh


def tick(instance: dg.DagsterInstance, platform: Platform) -> dg.RunRequest | str:
    context = dg.build_sensor_context(instance=instance, resources={"platform": platform})
    answer = strategy_files(context)
    return answer if isinstance(answer, dg.RunRequest) else str(answer.skip_message)


def run(
    platform: Platform, request: dg.RunRequest, instance: dg.DagsterInstance
) -> dg.ExecuteInProcessResult:
    result = dg.materialize(
        [strategy_library], run_config=request.run_config, resources={"platform": platform}, instance=instance
    )
    assert result.success
    return result


def test_a_dropped_file_is_tried_once(watched: Platform, instance: dg.DagsterInstance) -> None:
    request = tick(instance, watched)
    assert isinstance(request, dg.RunRequest)
    assert request.run_config["ops"]["strategy_library"]["config"] == {"names": ["idea"]}
    run(watched, request, instance)
    assert tick(instance, watched) == "every file of the folder has been tried"


def test_a_changed_file_is_another_request(
    watched: Platform, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    first = tick(instance, watched)
    (tmp_path / "idea.py").write_text(TEXT.replace("np.sign(", "0.5 * np.sign("))
    second = tick(instance, watched)
    assert isinstance(first, dg.RunRequest)
    assert isinstance(second, dg.RunRequest)
    assert first.run_key != second.run_key


def test_a_broken_file_is_an_alert_and_its_row_says_why(
    watched: Platform, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    (tmp_path / "idea.py").write_text("def target(:")
    request = tick(instance, watched)
    assert isinstance(request, dg.RunRequest)
    for _ in range(2):
        result = run(watched, request, instance)
    (event,) = result.asset_materializations_for_node("strategy_library")
    assert event.metadata["refused"].value == 1
    with watched.engine.connect() as connection:
        (message,) = connection.execute(select(alerts.c.message)).scalars()
    assert "strategy idea: loads: " in message
    assert "no version is in force" in message


def test_nothing_is_tried_before_the_first_start(fresh: Platform, instance: dg.DagsterInstance) -> None:
    assert tick(instance, fresh) == "the first start has not filled the graph yet"
