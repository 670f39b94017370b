"""`quant keys`: sealed in the database, shown by fingerprint, never printed or logged."""

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from live_runner.process.root import _api_keys
from live_runner.venue.accounts import KeyPair, orders_with
from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.errors import ConfigurationError, SecretError
from quant_pipelines.core.settings import Settings
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.keys import (
    add_keys,
    copied_keys,
    list_keys,
    remove_keys,
    rotate_master_key,
    stored_keys,
)
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.secrets import ApiKeys
from quant_pipelines.settings import load_settings
from quant_pipelines.store.deployments import venue_account
from quant_pipelines.store.tables import accounts, audit_logs

pytestmark = pytest.mark.postgres
KEY, SECRET = "AKEY7f3c9d1e5b", "SECRETa8d2e6c4f0"
FINGERPRINT = ApiKeys(KEY, SECRET).fingerprint
SIGNED = ("--operator", "ann", "--reason", "the account is ours")
ANN = Signature("ann", "the account is ours")
BINANCE = "binanceusdm"
Quant = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def quant(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Quant:
    """Run a command on the test's database: exit code, JSON document, and all that was printed."""
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, typed: str = "") -> tuple[int, Any, str]:
        capfd.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = main(["keys", *arguments, "--json"])
        out, err = capfd.readouterr()
        assert KEY not in out + err
        assert SECRET not in out + err
        return code, json.loads(out) if out else None, err

    return run


@pytest.fixture
def store(engine: Engine, tmp_path: Path) -> KeyStore:
    return KeyStore(engine, tmp_path / "home", {})


def test_keys_are_listed_by_fingerprint_only(quant: Quant) -> None:
    assert quant("add", *SIGNED, typed=f"{KEY}\n{SECRET}\n")[0] == 0
    [row] = quant("list")[1]["keys"]
    assert (row["account"], row["fingerprint"], row["opens"]) == (BINANCE, FINGERPRINT, True)


def test_no_table_holds_key_or_secret(quant: Quant, engine: Engine) -> None:
    quant("add", *SIGNED, typed=f"{KEY}\n{SECRET}\n")
    with engine.connect() as connection:
        rows = [*connection.execute(select(accounts)), *connection.execute(select(audit_logs))]
    stored = b"".join(
        bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
        for row in rows
        for cell in row
    )
    assert FINGERPRINT.encode() in stored
    assert KEY.encode() not in stored
    assert SECRET.encode() not in stored


def test_keys_may_come_from_the_environment(
    quant: Quant, store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_API_KEY", KEY)
    monkeypatch.setenv("QUANT_API_SECRET", SECRET)
    assert quant("add", "okx", "--from-environment", *SIGNED)[0] == 0
    assert stored_keys(store, "okx") == ApiKeys(KEY, SECRET)


def test_what_the_database_has_sealed_lies_in_the_home_as_well(store: KeyStore) -> None:
    add_keys(store, ANN, BINANCE, ApiKeys(KEY, SECRET))
    assert copied_keys(store.home, {}, BINANCE) == ApiKeys(KEY, SECRET)
    assert copied_keys(store.home, {}, "okx") is None
    file = store.home / "secrets" / "accounts.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert SECRET not in file.read_text()
    rotate_master_key(store, ANN)
    assert copied_keys(store.home, {}, BINANCE) == ApiKeys(KEY, SECRET)
    remove_keys(store, ANN, BINANCE)
    assert copied_keys(store.home, {}, BINANCE) is None


@pytest.mark.parametrize("text", ["", "[1]", '{"binanceusdm": 3}', '{"binanceusdm": "§"}'])
def test_a_copy_that_cannot_be_read_is_told(store: KeyStore, text: str) -> None:
    file = store.home / "secrets" / "accounts.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(SecretError, match="expected the sealed keys that 'quant keys add' writes"):
        copied_keys(store.home, {}, BINANCE)


def test_keys_are_replaced_only_when_that_is_said(quant: Quant, store: KeyStore) -> None:
    quant("add", *SIGNED, typed=f"{KEY}\n{SECRET}\n")
    code, _, err = quant("add", *SIGNED, typed="other\nsecond\n")
    assert code == 1
    assert f"has keys already, fingerprint {FINGERPRINT}; expected an account without, or --replace" in err
    assert quant("add", "--replace", *SIGNED, typed="other\nsecond\n")[0] == 0
    assert stored_keys(store, BINANCE) == ApiKeys("other", "second")


def test_removed_keys_are_gone(quant: Quant, store: KeyStore) -> None:
    quant("add", *SIGNED, typed=f"{KEY}\n{SECRET}\n")
    assert quant("remove", *SIGNED)[1]["action"] == "keys.removed"
    assert stored_keys(store, BINANCE) is None
    assert "unknown account with keys 'binanceusdm'" in quant("remove", *SIGNED)[2]


@pytest.mark.parametrize(
    ("arguments", "typed", "message"),
    [
        (("add", *SIGNED), f"{KEY}\n", "1 lines are on stdin; expected two"),
        (("add", *SIGNED), "", "0 lines are on stdin; expected two"),
        (("add", *SIGNED), f"{KEY}\n{SECRET} {SECRET}\n", "the API secret has 33 characters"),
        (("add", "binanceusdmm", *SIGNED), f"{KEY}\n{SECRET}\n", "did you mean 'binanceusdm'"),
        (("rotate", *SIGNED), "", "no master key at"),
    ],
)
def test_what_can_t_be_done_is_refused(
    quant: Quant, arguments: tuple[str, ...], typed: str, message: str
) -> None:
    code, document, err = quant(*arguments, typed=typed)
    assert (code, document) == (1, None)
    assert message in err


def test_keys_without_a_reason_are_a_call_that_is_not_whole(quant: Quant) -> None:
    code, document, err = quant("add", typed=f"{KEY}\n{SECRET}\n")
    assert (code, document) == (2, None)
    assert "names no reason; expected --reason" in err


def test_a_master_key_that_others_may_read_is_refused(quant: Quant, tmp_path: Path) -> None:
    quant("add", *SIGNED, typed=f"{KEY}\n{SECRET}\n")
    (tmp_path / "home" / "secrets" / "master.key").chmod(0o644)
    code, _, err = quant("add", "okx", *SIGNED, typed=f"{KEY}\n{SECRET}\n")
    assert code == 1
    assert "has mode 0644, others may read it; expected 0600: chmod 600 it" in err


def test_rotation_seals_every_account_under_a_new_master_key(
    quant: Quant, store: KeyStore, tmp_path: Path
) -> None:
    file = tmp_path / "home" / "secrets" / "master.key"
    for account in (BINANCE, "okx"):
        quant("add", account, *SIGNED, typed=f"{KEY}\n{SECRET}\n")
    before = file.read_bytes()
    assert "keys of 2 accounts" in quant("rotate", *SIGNED)[1]["summary"]
    assert file.read_bytes() != before
    assert sorted(path.name for path in file.parent.iterdir()) == ["accounts.json", "master.key"]
    assert [row["opens"] for row in list_keys(store)] == [True, True]
    file.write_bytes(before)
    assert [row["opens"] for row in list_keys(store)] == [False, False]


def test_a_rotation_that_meets_keys_it_can_t_open_changes_nothing(store: KeyStore, engine: Engine) -> None:
    for account in (BINANCE, "okx"):
        add_keys(store, ANN, account, ApiKeys(KEY, SECRET))
    with engine.begin() as connection:
        connection.execute(text("update trading.accounts set sealed_keys = '\\x00' where name = 'okx'"))
    with pytest.raises(SecretError, match="account 'okx'"):
        rotate_master_key(store, ANN)
    assert stored_keys(store, BINANCE) == ApiKeys(KEY, SECRET)


def test_an_account_made_for_its_keys_gets_its_capital_later(store: KeyStore, engine: Engine) -> None:
    add_keys(store, ANN, BINANCE, ApiKeys(KEY, SECRET))
    with engine.begin() as connection:
        at = connection.execute(text("select now()")).scalar_one()
        for capital in (1000, 5):
            venue_account(connection, BINANCE, currency="USDT", capital=capital, at=at)
        assert connection.execute(select(accounts.c.capital)).scalar_one() == 1000


def test_only_a_real_exchange_gets_the_keys() -> None:
    asked: list[str] = []

    def find(account: str) -> KeyPair:
        asked.append(account)
        return KeyPair()

    simulated = load_settings({"exchange": {"base_url": "http://127.0.0.1:1"}}, environment={})
    orders_with(find, system_clock_ms)(simulated)
    assert asked == []
    with pytest.raises(ConfigurationError, match="no API key for binanceusdm; expected 'quant keys add'"):
        orders_with(find, system_clock_ms)(Settings())
    assert asked == [BINANCE]


def test_the_runner_takes_the_environments_keys_before_the_stored_ones(store: KeyStore) -> None:
    assert _api_keys(store, BINANCE) == ("", "")
    add_keys(store, ANN, BINANCE, ApiKeys(KEY, SECRET))
    assert _api_keys(store, BINANCE) == (KEY, SECRET)
    given = KeyStore(store.engine, store.home, {"QUANT_API_KEY": "other", "QUANT_API_SECRET": "second"})
    assert _api_keys(given, BINANCE) == ("other", "second")


def test_no_secret_reaches_an_output_or_a_file(database_url: str, tmp_path: Path) -> None:
    master = base64.urlsafe_b64encode(os.urandom(32)).decode()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "quant_pipelines.cli", "keys", "add", *SIGNED],
        env={
            **os.environ,
            "QUANT_DATABASE_URL": database_url,
            "QUANT_HOME": str(tmp_path / "home"),
            "QUANT_MASTER_KEY": master,
        },
        cwd=tmp_path,
        input=f"{KEY}\n{SECRET}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert FINGERPRINT in done.stdout
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    everything = done.stdout + done.stderr + files.decode(errors="replace")
    assert not [secret for secret in (KEY, SECRET, master) if secret in everything]
