"""Where processes show metrics: chosen once, named by the settings, or nowhere."""

from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.core.settings import Settings
from quant_pipelines.core.telemetry_settings import MetricsSettings
from quant_pipelines.settings import load_settings
from quant_pipelines.stack.home import open_home
from quant_pipelines.stack.ports import Ports
from quant_pipelines.stack.services import build_services, plan_stack
from quant_pipelines.telemetry.table import ALL

PORTS = Ports(**{name: 9000 + at for at, name in enumerate(Ports.__dataclass_fields__)})


@pytest.mark.parametrize(
    ("given", "runner_port"),
    [
        ({}, PORTS.runner_metrics),
        ({"runner_port": 9555}, 9555),
        ({"is_exposed": False, "runner_port": 9555}, 0),
    ],
)
def test_a_process_is_told_the_port_that_status_names(
    tmp_path: Path, given: dict[str, Any], runner_port: int
) -> None:
    settings = Settings(database_url="postgresql://quant@127.0.0.1/quant", metrics=MetricsSettings(**given))
    plan = plan_stack(open_home(tmp_path), settings, {}, ports=PORTS, with_runner=True)
    services = {service.name: service for service in build_services(plan)}
    told = {name: value for name, value in plan.environment().items() if name.startswith("QUANT_")}
    read = load_settings(environment=told | {"QUANT_METRICS__IS_EXPOSED": str(settings.metrics.is_exposed)})
    assert read.metrics.port_of("runner") == runner_port
    shown = f"http://127.0.0.1:{runner_port}/metrics" if runner_port else ""
    assert services["runner"].metrics == shown
    for process in ALL:
        assert bool(services[process].metrics) == settings.metrics.is_exposed
    assert services["daemon"].metrics == ""
