"""A machine is lost: the steps of docs/runbook.md, on another home with the backup and `secrets/`."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyotp
import pytest
from sqlalchemy import Engine

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.errors import SecretError
from quant_pipelines.operations import users
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.keys import add_keys, stored_keys
from quant_pipelines.operations.people import Claimant, identify
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.secrets import ApiKeys
from quant_pipelines.store.engine import connected
from tests.integration.backup.conftest import Quant

pytestmark = pytest.mark.postgres

KEYS = ApiKeys("AKEY7f3c9d1e5b", "SECRETa8d2e6c4f0")
HALT = ("runner", "halt", "account", "--reason", "the machine burns")


class Lost(NamedTuple):
    """What is left of the machine: a backup, a copy of `secrets/`, and a person with an authenticator."""

    backup: Path
    secrets: Path
    seed: str

    def claim(self, now_ms: int) -> Claimant:
        code = pyotp.TOTP(self.seed).at(now_ms // 1000)
        return Claimant("root", "the machine is lost", code, "admin")


@pytest.fixture
def lost(quant: Quant, filled: str, engine: Engine, tmp_path: Path) -> Lost:
    first = KeyStore(engine, tmp_path / "home", {})
    add_keys(first, Signature("root", "ours"), "binanceusdm", KEYS)
    assert quant(*HALT, "--operator", "root")[0] == 0
    made = users.enroll(first, Claimant("root", "the first one", "", "admin"), "root", "admin")
    assert quant("db", "backup", tmp_path / "all.quant")[0] == 0
    shutil.move(tmp_path / "home" / "secrets", tmp_path / "copied")
    shutil.rmtree(tmp_path / "home")
    return Lost(tmp_path / "all.quant", tmp_path / "copied", pyotp.parse_uri(made.uri).secret)


@pytest.fixture
def restored(
    quant: Quant, lost: Lost, fresh: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[KeyStore]:
    """Another home with an empty database, into which the backup was restored."""
    monkeypatch.setenv("QUANT_DATABASE_URL", fresh)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "second"))
    code, told, err = quant("db", "restore", lost.backup)
    assert (code, err) == (0, "")
    assert set(told["databases"]) == {"product", "dagster"}
    with connected(fresh) as engine:
        yield KeyStore(engine, tmp_path / "second", {})


def test_with_a_copy_of_the_secrets_the_second_machine_is_the_first_one(
    quant: Quant, lost: Lost, restored: KeyStore
) -> None:
    shutil.copytree(lost.secrets, restored.home / "secrets", dirs_exist_ok=True)
    assert quant("audit", "verify")[1]["whole"]
    assert stored_keys(restored, "binanceusdm") == KEYS
    assert identify(restored, lost.claim(system_clock_ms())).is_identified
    code, status, err = quant("runner", "status")
    assert (code, err) == (0, "")
    assert "the machine burns" in str(status)  # a halt outlives its machine
    code, checks, err = quant("doctor", "--port", "0")
    assert (code, err) == (0, "")
    assert "FAIL" not in str(checks)


def test_without_them_nobody_can_prove_anything_and_that_is_one_sentence(
    quant: Quant, lost: Lost, restored: KeyStore
) -> None:
    assert quant("audit", "verify")[1]["whole"]
    with pytest.raises(SecretError, match=r"^no master key at '.*master.key'; expected that file"):
        identify(restored, lost.claim(system_clock_ms()))
    [row] = [one for one in quant("users", "list")[1]["users"] if one["name"] == "root"]
    assert row["role"] == "admin"
