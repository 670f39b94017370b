"""`quant alerts`: every row is seen, a named person acknowledges, and a test says what arrived."""

from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.core.alert_settings import AlertSettings
from quant_pipelines.core.settings import Settings
from quant_pipelines.operations.doctor import Diagnosis, examine
from quant_pipelines.stack.home import Home
from quant_pipelines.store.tables import audit_logs
from tests.fake_vault import ROOT, fake_vault
from tests.integration.operations.conftest import Quant, quant

__all__ = ["quant"]
pytestmark = pytest.mark.postgres
SIGNED = ("--operator", "ann", "--reason", "looking at it")


def test_every_row_is_listed_newest_first_and_open_ones_alone(desk: Any, quant: Quant) -> None:
    for number in range(3):
        desk.alert("halt", f"deployment:{number}", "daily loss")
    assert quant("alerts", "ack", 2, *SIGNED)[0] == 0
    listed = quant("alerts")[1]["alerts"]
    assert [(row["id"], row["acknowledged_by"]) for row in listed] == [(3, None), (2, "ann"), (1, None)]
    assert [row["id"] for row in quant("alerts", "--open")[1]["alerts"]] == [3, 1]


def test_an_acknowledgement_is_audited_and_given_once(desk: Any, quant: Quant) -> None:
    desk.alert("halt", "deployment:1", "daily loss")
    assert quant("alerts", "ack", 1, *SIGNED)[1]["summary"] == "alert:1 is known: daily loss"
    assert "alert 1 is known to ann already" in quant("alerts", "ack", 1, *SIGNED)[2]
    with desk.engine.connect() as connection:
        [row] = connection.execute(audit_logs.select())
    assert (row.actor, row.action, row.subject) == ("ann", "alert.acknowledged", "alert:1")


@pytest.mark.parametrize(
    ("arguments", "ends_with", "sentence"),
    [
        (("ack", 7, *SIGNED), 1, "alert 7 does not exist; expected an id that quant alerts lists"),
        (("ack", 7, "--operator", "ann"), 2, "alerts ack names no reason; expected --reason"),
        (("ack", *SIGNED), 2, "ack names no alert; expected an id"),
        (("test",), 1, "alerts.channels is empty; expected at least one channel"),
    ],
)
def test_a_refusal_is_one_sentence(
    quant: Quant, arguments: tuple[Any, ...], ends_with: int, sentence: str
) -> None:
    code, document, told = quant("alerts", *arguments)
    assert (code, document) == (ends_with, None)
    assert sentence in told


def test_a_test_goes_through_every_channel_and_says_which_took_it(
    desk: Any, hook: Any, quant: Quant, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = (hook.channel("log"), hook.channel("pager", "halt", 10))
    monkeypatch.setenv("QUANT_ALERTS__CHANNELS", ",".join(channels))
    monkeypatch.setenv("QUANT_ALERTS__QUIET_HOURS", "00:00-23:59")
    assert quant("alerts", "test", "--operator", "ann")[1]["summary"] == "it arrived through log, pager"
    assert sorted(name for name, _, _ in hook.taken) == ["log", "pager"]  # at once, in either order
    hook.refusing.add("pager")
    code, _, told = quant("alerts", "test", "--operator", "ann")
    assert code == 1
    assert "failed through pager (failure, HTTP 500); it arrived through log" in told
    assert "TOPSECRET" not in told
    desk.dispatch(*channels).round()  # nobody sends a test again
    assert len(hook.taken) == 3
    assert quant("alerts", "--open")[1]["alerts"] == []


def test_a_channel_without_a_host_fails_with_its_cause_and_without_its_secrets(
    quant: Quant, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_ALERTS__CHANNELS", "phone info 0 json://127.0.0.1:9/TOPSECRET")
    code, _, told = quant("alerts", "test", "--operator", "ann")
    assert code == 1
    assert "failed through phone (failure, no connection to its host); it arrived nowhere" in told
    assert "TOPSECRET" not in told


def test_the_doctor_names_a_channel_that_apprise_can_not_read(hook: Any, tmp_path: Path) -> None:
    def checked(*channels: str) -> Diagnosis:
        settings = Settings(alerts=AlertSettings(channels))
        return next(one for one in examine(Home(tmp_path), settings, 0) if one.name == "alerts")

    assert checked().passed
    good = checked(hook.channel("log", "warning", 5))
    assert (good.passed, good.detail) == (True, "log warning 5 json://<hidden>")
    bad = checked(hook.channel("log"), "odd halt foo://TOPSECRET")
    assert not bad.passed
    assert "channel odd: Apprise does not know such a URL; expected one such as tgram://" in bad.detail
    assert "TOPSECRET" not in str(bad)
    assert hook.taken == []


def test_channels_that_a_vault_holds_are_tried(
    desk: Any, hook: Any, quant: Quant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(ROOT)
    token.chmod(0o600)
    for name in ("QUANT_ALERTS__CHANNELS", "QUANT_MASTER_KEY"):
        monkeypatch.setenv(name, "")
    with fake_vault() as vault:
        vault.secrets["secret/quant"] = {"QUANT_ALERTS__CHANNELS": hook.channel("pager", "halt", 10)}
        monkeypatch.setenv("QUANT_VAULT__ADDRESS", vault.address)
        monkeypatch.setenv("QUANT_VAULT__TOKEN_FILE", str(token))
        code, document, told = quant("alerts", "test", "--operator", "ann")
    assert (code, told) == (0, "")
    assert document["summary"] == "it arrived through pager"
