"""Files that start the product elsewhere: what can be read without Docker and Helm is right."""

import re
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from distributed.cli import dask_scheduler, dask_worker

from quant_pipelines.cli.__main__ import build_parser
from quant_pipelines.settings import load_settings

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
IMAGE = re.search(r"-t (quant-pipelines:\S+) \.", (DEPLOY / "Dockerfile").read_text())[1]  # type: ignore[index]
_DASK = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}
# Top-level keys of the charts, as published: dask/dask 2024.1, dagster/dagster 1.13.
_DASK_CHART = {"scheduler", "webUI", "worker", "additional_worker_groups", "jupyter"}
_DAGSTER_CHART = {
    "dagsterWebserver",
    "dagster-user-deployments",
    "postgresql",
    "generatePostgresqlPasswordSecret",
    "generateCeleryConfigSecret",
    "rabbitmq",
    "redis",
    "flower",
    "ingress",
    "imagePullSecrets",
    "computeLogManager",
    "scheduler",
    "runLauncher",
    "pythonLogs",
    "dagsterDaemon",
    "busybox",
    "migrate",
    "telemetry",
    "serviceAccount",
    "global",
    "retention",
    "additionalInstanceConfig",
}


def read(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


COMPOSE = read("compose.yaml")["services"]
PRODUCT = {name: service for name, service in COMPOSE.items() if name != "postgres"}


def filled(environment: dict[str, str]) -> dict[str, str]:
    """Variables as compose fills them in."""
    return {name: re.sub(r"\$\{\w+[^}]*\}", "secret", value) for name, value in environment.items()}


@pytest.mark.parametrize(
    "unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda unit: str(unit.name)
)
def test_a_unit_starts_a_verb_as_nobody_special(unit: Path) -> None:
    found = ConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(unit.read_text())
    service = found["Service"]
    program, *verb = service["ExecStart"].split()
    assert program == f"{service['WorkingDirectory']}/.venv/bin/quant"
    build_parser().parse_args(verb)
    assert (service["User"], service["NoNewPrivileges"]) == ("quant", "yes")


def test_the_proxys_variables_are_no_settings_of_ours() -> None:
    """A variable that begins like ours is refused at start as a setting that nobody knows."""
    names = re.findall(r"\{\$(\w+)", (DEPLOY / "tls" / "Caddyfile").read_text())
    assert names
    assert not [name for name in names if name.startswith("QUANT_")]
    readme = (DEPLOY / "README.md").read_text()
    assert all(f"{name}=" in readme for name in names)


@pytest.mark.parametrize("name", PRODUCT)
def test_a_command_of_the_compose_file_exists_with_its_options(name: str) -> None:
    program, verb, *options = PRODUCT[name]["command"]
    if program == "quant":
        assert build_parser().parse_args([verb, *options]).verb == verb
    else:
        assert program == "dask"
        assert _DASK[verb].make_context(verb, options).params


@pytest.mark.parametrize("name", PRODUCT)
def test_variables_of_the_compose_file_are_settings_and_say_one_address(name: str) -> None:
    environment = filled(PRODUCT[name].get("environment", {}))
    settings = load_settings(environment=environment, file=Path("/dev/null"))
    if name in ("stack", "worker"):
        assert settings.database_url.endswith(":5432/quant")
    if name == "stack":
        assert settings.optimization.cluster == "tcp://127.0.0.1:8786"


def test_one_image_serves_all_and_is_what_the_files_of_helm_name() -> None:
    assert {service["image"] for service in PRODUCT.values()} == {IMAGE}
    dask, dagster = read("helm/dask.yaml"), read("helm/dagster.yaml")
    images = [dask["scheduler"]["image"], dask["worker"]["image"]]
    images += [one["image"] for one in dagster["dagster-user-deployments"]["deployments"]]
    assert {f"{one['repository']}:{one['tag']}" for one in images} == {IMAGE}


def test_whoever_leaves_comes_back_and_no_port_is_open_to_others() -> None:
    assert {service["restart"] for service in COMPOSE.values()} == {"always"}
    ports = [port for service in COMPOSE.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:5432:5432", "127.0.0.1:8786:8786"]
    (address,) = [one for one in COMPOSE["worker"]["command"] if one.startswith("tcp://")]
    assert address == "tcp://scheduler:8786"


def test_the_image_has_every_package_and_every_name_that_it_is_started_by() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY")]
    sources = {source for one in copied for source in one}
    assert all((ROOT / source).exists() for source in sources)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= sources
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split() if line[0] == "!"}
    assert kept == sources
    assert f"/usr/local/bin/{read('helm/dask.yaml')['worker']['image']['dask_worker']} " in text


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.\-]+)(?:\[[^]]*\])?==([^ \\]+)", path.read_text(), re.MULTILINE))


def test_the_lock_of_the_image_is_that_of_the_project_and_what_a_cluster_needs() -> None:
    own, image = pins(ROOT / "requirements.lock"), pins(DEPLOY / "requirements.lock")
    assert {name: image.get(name) for name in own} == own
    assert {"distributed", "dagster-k8s"} <= image.keys()
    assert image["distributed"] == pins(ROOT / "requirements-dev.lock")["distributed"]


def test_values_of_the_cluster_are_keys_of_its_chart_and_settings_of_ours() -> None:
    values = read("helm/dask.yaml")
    assert values.keys() <= _DASK_CHART
    known = {"image", "replicas", "threads_per_worker", "resources", "env", "mounts"}
    assert values["worker"].keys() <= known
    names = {one["name"]: one.get("value", "postgresql://quant@db/quant") for one in values["worker"]["env"]}
    assert load_settings(environment=names, file=Path("/dev/null")).database_url


def test_values_of_dagster_are_keys_of_its_chart_and_load_our_definitions() -> None:
    values = read("helm/dagster.yaml")
    assert values.keys() <= _DAGSTER_CHART
    (code,) = values["dagster-user-deployments"]["deployments"]
    option, module = code["dagsterApiGrpcArgs"]
    assert option == "--module-name"
    assert find_spec(module)
    names = {one["name"]: one["value"] for one in code["env"]}
    port = read("helm/dask.yaml")["scheduler"]["servicePort"]
    settings = load_settings(environment=names, file=Path("/dev/null"))
    assert settings.optimization.cluster.endswith(f":{port}")
    assert values["runLauncher"]["type"] == "K8sRunLauncher"


def test_runs_wait_for_each_other_as_they_do_under_quant_up() -> None:
    own = yaml.safe_load((ROOT / "dagster.yaml").read_text())["concurrency"]["runs"]
    queue = read("helm/dagster.yaml")["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert queue["maxConcurrentRuns"] == own["max_concurrent_runs"]
    assert queue["tagConcurrencyLimits"] == own["tag_concurrency_limits"]
