"""Secrets of the environment reach the runner, the master key the gateway, and no other process."""

from pathlib import Path

import pytest

from quant_pipelines.core.secret_variables import (
    BOT_VARIABLE,
    CHANNELS_VARIABLE,
    MASTER_VARIABLES,
    SECRET_VARIABLES,
)
from quant_pipelines.core.settings import Settings
from quant_pipelines.stack.home import open_home
from quant_pipelines.stack.ports import Ports
from quant_pipelines.stack.services import build_services, plan_stack

PORTS = Ports(**dict.fromkeys(Ports.__dataclass_fields__, 1))


def test_the_runner_sees_secrets_and_the_gateway_the_master_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, "hidden")
    settings = Settings(database_url="postgresql://quant@127.0.0.1/quant")
    plan = plan_stack(open_home(tmp_path), settings, {}, ports=PORTS, with_runner=True)
    commands = {service.name: service.command() for service in build_services(plan)}
    seeing = {name for name, command in commands.items() if "hidden" in command.environment.values()}
    assert seeing == {"runner", "gateway"}
    assert set(commands) > {"webserver", "daemon", "code-server", "simulator"}
    assert commands["runner"].environment.keys() >= SECRET_VARIABLES
    assert commands["gateway"].environment.keys() & SECRET_VARIABLES == MASTER_VARIABLES


@pytest.mark.parametrize(("with_runner", "missed"), [(True, None), (False, "0")])
def test_only_the_watchdog_sees_where_alerts_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_runner: bool, missed: str | None
) -> None:
    monkeypatch.setenv(CHANNELS_VARIABLE, "hidden")
    settings = Settings(database_url="postgresql://quant@127.0.0.1/quant")
    plan = plan_stack(open_home(tmp_path), settings, {}, ports=PORTS, with_runner=with_runner)
    commands = {service.name: service.command() for service in build_services(plan)}
    seeing = {name for name, command in commands.items() if "hidden" in command.environment.values()}
    assert seeing == {"watchdog"}
    assert commands["watchdog"].environment.get("QUANT_WATCHDOG__RUNNER_SECONDS") == missed


def test_only_the_telegram_desk_sees_the_token_that_starts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(database_url="postgresql://quant@127.0.0.1/quant")
    without = plan_stack(open_home(tmp_path), settings, {}, ports=PORTS, with_runner=True)
    assert "telegram" not in {service.name for service in build_services(without)}
    monkeypatch.setenv(BOT_VARIABLE, "hidden")
    given = {BOT_VARIABLE: "hidden"}
    plan = plan_stack(open_home(tmp_path), settings, given, ports=PORTS, with_runner=True)
    commands = {service.name: service.command() for service in build_services(plan)}
    seeing = {name for name, command in commands.items() if "hidden" in command.environment.values()}
    assert seeing == {"telegram"}
    assert commands["telegram"].arguments[-2:] == ("--gateway", plan.gateway_url)
