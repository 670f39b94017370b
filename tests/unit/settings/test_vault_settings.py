"""A process puts what a Vault holds of its secrets into its environment, once, when it starts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quant_pipelines.cli import doctor, kill
from quant_pipelines.core.errors import ConfigurationError, SecretError
from quant_pipelines.core.secret_variables import (
    BOT_VARIABLE,
    CHANNELS_VARIABLE,
    MASTER_VARIABLES,
    SECRET_VARIABLES,
    VAULT_VARIABLES,
)
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.vault_settings import VaultSettings
from quant_pipelines.settings import load_settings, settings_with_secrets
from quant_pipelines.stack.home import open_home
from quant_pipelines.stack.ports import Ports
from quant_pipelines.stack.services import build_services, plan_stack
from tests.fake_vault import ROOT, FakeVault, fake_vault

PORTS = Ports(**dict.fromkeys(Ports.__dataclass_fields__, 1))
CHANNEL = "phone halt json://127.0.0.1/hook"


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVault]:
    """A Vault that the environment names; no secret stands there yet."""
    token = tmp_path / "token"
    token.write_text(ROOT)
    token.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    for name in VAULT_VARIABLES:
        monkeypatch.setenv(name, "")
    with fake_vault() as found:
        found.secrets["secret/quant"] = {"QUANT_API_KEY": "kept-key", CHANNELS_VARIABLE: CHANNEL}
        monkeypatch.setenv("QUANT_VAULT__ADDRESS", found.address)
        monkeypatch.setenv("QUANT_VAULT__TOKEN_FILE", str(token))
        monkeypatch.setenv("QUANT_VAULT__TIMEOUT_SECONDS", "2")
        yield found


def test_secrets_and_the_setting_that_is_one_come_from_the_vault(vault: FakeVault) -> None:
    settings = settings_with_secrets(VAULT_VARIABLES)
    assert settings.alerts.channels == (CHANNEL,)
    assert os.environ["QUANT_API_KEY"] == "kept-key"
    assert os.environ["QUANT_API_SECRET"] == ""
    assert len(vault.asked) == 1


def test_what_stands_in_the_environment_wins(vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANT_API_KEY", "mine")
    settings_with_secrets({"QUANT_API_KEY"})
    assert os.environ["QUANT_API_KEY"] == "mine"
    assert vault.asked == []


def test_keys_of_a_rotation_come_from_one_place(vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.secrets["secret/quant"]["QUANT_MASTER_KEY_NEXT"] = "of the vault"
    monkeypatch.setenv("QUANT_MASTER_KEY", "mine")
    settings_with_secrets(MASTER_VARIABLES)
    assert vault.asked == []
    settings_with_secrets(SECRET_VARIABLES)
    assert os.environ["QUANT_MASTER_KEY_NEXT"] == ""
    assert os.environ["QUANT_API_KEY"] == "kept-key"


def test_nobody_asks_who_needs_no_secret_or_names_no_vault(
    vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_with_secrets(())
    load_settings()
    monkeypatch.setenv("QUANT_VAULT__ADDRESS", "")
    settings_with_secrets(VAULT_VARIABLES)
    assert vault.asked == []


def test_a_vault_that_goes_away_later_is_not_missed(vault: FakeVault) -> None:
    settings_with_secrets({"QUANT_API_KEY"})
    vault.is_sealed = True
    settings_with_secrets({"QUANT_API_KEY"})
    load_settings()
    with pytest.raises(SecretError, match="is sealed"):
        settings_with_secrets({"QUANT_API_SECRET"})


def test_an_address_over_which_secrets_would_go_open_is_refused(
    vault: FakeVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_VAULT__ADDRESS", "http://vault.example:8200")
    with pytest.raises(ConfigurationError, match=r"setting vault\.address: .* expected https://HOST"):
        settings_with_secrets(VAULT_VARIABLES)


def test_children_of_a_stack_are_given_what_each_needs_and_ask_no_vault(
    vault: FakeVault, tmp_path: Path
) -> None:
    vault.secrets["secret/quant"] |= dict.fromkeys(SECRET_VARIABLES | {BOT_VARIABLE}, "hidden")
    settings = settings_with_secrets(VAULT_VARIABLES)
    assert settings.vault.address
    plan = plan_stack(open_home(tmp_path), settings, os.environ, ports=PORTS, with_runner=True)
    seen = {service.name: service.command().environment for service in build_services(plan)}
    assert {name for name, one in seen.items() if "hidden" in one.values()} == {
        "runner",
        "gateway",
        "telegram",
    }
    assert {name for name, one in seen.items() if CHANNEL in one.values()} == {"watchdog"}
    started = [one for name, one in seen.items() if name != "postgres"]
    assert {one["QUANT_VAULT__ADDRESS"] for one in started} == {""}


@pytest.mark.parametrize("way_in", ["token", ""])
def test_neither_a_kill_nor_a_doctor_is_kept_by_a_vault_that_gives_nothing(
    vault: FakeVault, way_in: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vault.is_sealed = True
    monkeypatch.setenv("QUANT_VAULT__TOKEN_FILE", way_in)
    assert kill._settings() == doctor._settings() == load_settings()
    told = "is sealed" if way_in else "without a way in"
    assert told in capsys.readouterr().err


def test_without_a_vault_children_are_told_of_none(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql://quant@127.0.0.1/quant", vault=VaultSettings())
    plan = plan_stack(open_home(tmp_path), settings, {}, ports=PORTS, with_runner=True)
    assert all("QUANT_VAULT__ADDRESS" not in one.command().environment for one in build_services(plan))


def test_a_process_that_starts_without_its_vault_says_so_in_a_sentence(
    vault: FakeVault, tmp_path: Path
) -> None:
    def told() -> str:
        command = (sys.executable, "-P", "-m", "quant_pipelines.telegram", "--home", str(tmp_path))
        done = subprocess.run(
            (*command, "--gateway", "http://127.0.0.1:1"), capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        return done.stderr.strip()

    vault.secrets["secret/quant"][BOT_VARIABLE] = "123456789:hidden"
    assert told().startswith("QUANT_DATABASE_URL is empty")  # the next thing that it needs
    vault.is_sealed = True
    assert told() == f"the Vault at {vault.address} is sealed; expected one that is unsealed"
