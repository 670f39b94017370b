"""Secrets come from a Vault by token or AppRole; what is wrong is one sentence that shows none of them."""

import dataclasses
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.core.secret_variables import SECRET_VARIABLES, VAULT_VARIABLES
from quant_pipelines.core.vault_settings import VaultSettings
from quant_pipelines.secrets.vault import read_vault
from tests.fake_vault import ROLE_ID, ROOT, SECRET_ID, FakeVault, VaultAnswer, fake_vault

KEPT = {"QUANT_API_KEY": "kept-key", "QUANT_API_SECRET": "kept-secret", "theirs": "of another program"}


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    with fake_vault() as found:
        found.secrets["secret/quant"] = dict(KEPT)
        yield found


def private(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text)
    file.chmod(0o600)
    return str(file)


@pytest.fixture
def place(vault: FakeVault, tmp_path: Path) -> VaultSettings:
    return VaultSettings(vault.address, token_file=private(tmp_path, "token", f"{ROOT}\n"), timeout_seconds=2)


def fault_of(place: VaultSettings) -> str:
    with pytest.raises(QuantError) as caught:
        read_vault(place, SECRET_VARIABLES)
    said = str(caught.value)
    assert "\n" not in said
    for secret in (ROOT, SECRET_ID, *KEPT.values()):
        assert secret not in said
    return said


def test_what_is_wanted_and_there_is_read(place: VaultSettings, vault: FakeVault) -> None:
    expected = {"QUANT_API_KEY": "kept-key", "QUANT_API_SECRET": "kept-secret"}
    assert read_vault(place, VAULT_VARIABLES) == expected
    assert read_vault(place, {"QUANT_API_KEY"}) == {"QUANT_API_KEY": "kept-key"}
    assert vault.asked == ["GET /v1/secret/data/quant"] * 2
    assert ROOT in vault.tokens  # a token of somebody's is not ended


def test_a_role_gets_a_token_that_ends_when_it_was_used(vault: FakeVault, tmp_path: Path) -> None:
    vault.secrets = {"desk/live/quant": dict(KEPT)}
    place = VaultSettings(
        vault.address,
        mount="desk",
        path="live/quant",
        role_id=ROLE_ID,
        secret_id_file=private(tmp_path, "id", SECRET_ID),
        namespace="trading",
    )
    assert read_vault(place, {"QUANT_API_SECRET"}) == {"QUANT_API_SECRET": "kept-secret"}
    assert vault.tokens == {ROOT}
    assert vault.namespaces == {"trading"}


def test_a_token_of_the_environment_is_not_used(
    place: VaultSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", ROOT)
    wrong = dataclasses.replace(place, token_file=private(tmp_path, "wrong", "hvs.wrong"))
    assert "refuses secret/quant; see vault.token_file" in fault_of(wrong)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"path": "elsewhere"},
            "nothing at secret/elsewhere, or it was deleted; see vault.mount and vault.path",
        ),
        ({"mount": "kv"}, "nothing at kv/quant"),
        ({"token_file": ""}, "without a way in; expected vault.token_file, or vault.role_id"),
        ({"token_file": "", "role_id": ROLE_ID}, "without a way in"),
        ({"token_file": "/gone/token"}, "vault.token_file '/gone/token' can't be read: No such file"),
        ({"address": "http://127.0.0.1:1"}, "(vault.address) does not answer"),
        ({"address": "https://host.invalid"}, "(vault.address) does not answer"),
        ({"ca_file": "/gone/ca.pem", "address": "https://127.0.0.1:1"}, "/gone/ca.pem"),
    ],
)
def test_a_setting_that_can_not_work_is_named(
    place: VaultSettings, changed: dict[str, Any], told: str
) -> None:
    assert told in fault_of(dataclasses.replace(place, **changed))


def test_a_role_that_is_refused_is_named(vault: FakeVault, tmp_path: Path) -> None:
    place = VaultSettings(
        vault.address, role_id=ROLE_ID, secret_id_file=private(tmp_path, "id", "another"), timeout_seconds=2
    )
    assert fault_of(place).endswith(
        "did not take what it was given; see vault.role_id and vault.secret_id_file"
    )


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (VaultAnswer(200, b"{}"), "no secret of a key-value engine, version 2"),
        (VaultAnswer(200, b'{"data": {"QUANT_API_KEY": "of version 1"}}'), "no secret of a key-value engine"),
        (VaultAnswer(200, b"[]"), "no secret of a key-value engine"),
        (VaultAnswer(200, b"<html>"), "no secret of a key-value engine"),
        (VaultAnswer(500, b'{"errors": ["internal"]}'), "does not answer"),
        (VaultAnswer(502, b"<html>"), "does not answer"),
        (VaultAnswer(429, b"{}"), "does not answer"),
        (VaultAnswer(307, b""), "answers with a redirect; expected its active node in vault.address"),
    ],
)
def test_an_answer_that_is_none_is_said(
    place: VaultSettings, vault: FakeVault, answer: VaultAnswer, told: str
) -> None:
    vault.scripted = answer
    assert told in fault_of(place)


def test_a_sealed_vault_a_deleted_version_and_one_that_hangs(place: VaultSettings, vault: FakeVault) -> None:
    vault.secrets["secret/quant"] = {}
    assert "or it was deleted" in fault_of(place)
    vault.is_sealed = True
    assert "is sealed" in fault_of(place)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hanging = dataclasses.replace(place, address=address, timeout_seconds=0.2)
        assert "(vault.address) does not answer" in fault_of(hanging)


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ({"QUANT_API_KEY": 5}, "QUANT_API_KEY is no text"),
        ({"QUANT_API_KEY": " "}, "QUANT_API_KEY is no text"),
        ({"QUANT_APIKEY": "typo"}, "QUANT_API_KEY"),
    ],
)
def test_what_is_kept_under_a_wrong_name_or_form_is_named(
    place: VaultSettings, vault: FakeVault, kept: dict[str, Any], told: str
) -> None:
    vault.secrets["secret/quant"] = kept
    assert told in fault_of(place)
    assert "typo" not in fault_of(place)


def test_a_file_that_others_may_read_is_refused(place: VaultSettings) -> None:
    Path(place.token_file).chmod(0o644)
    assert "has mode 0644, others may read it" in fault_of(place)


@pytest.mark.parametrize("text", ["", "two words", "zwölf"])
def test_a_token_is_one_word(place: VaultSettings, text: str) -> None:
    Path(place.token_file).write_text(text)
    assert "vault.token_file" in fault_of(place)


def test_without_the_extra_it_is_said(place: VaultSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_hooks", [])
    for name in [one for one in sys.modules if one.partition(".")[0] == "hvac"]:
        monkeypatch.delitem(sys.modules, name)
    sys.path_importer_cache.clear()
    with pytest.raises(ConfigurationError, match=r"expected: pip install 'quant-pipelines\[vault\]'"):
        read_vault(place, VAULT_VARIABLES)
