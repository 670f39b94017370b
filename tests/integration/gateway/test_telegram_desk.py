"""An operator commands from Telegram: a fake of its documented API, the real gateway, and its rows."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import standing_halts
from quant_pipelines.store.tables import alerts, audit_logs
from tests.fake_telegram import TOKEN, FakeTelegram, fake_telegram
from tests.integration.gateway.conftest import Gate
from tests.integration.gateway.served_gate import ServedGate

pytestmark = pytest.mark.postgres
ANN, VIC, MALLORY = 7, 8, 666


@dataclass
class Chat:
    """A desk in a process of its own; people write, and read what it says."""

    gate: Gate
    telegram: FakeTelegram
    served: ServedGate
    process: subprocess.Popen[str]
    heard: int = 0

    def say(self, sender: int, text: str) -> str:
        self.telegram.write(sender, text)
        self.heard += 1
        return self.telegram.replies(self.heard, 20)[-1]

    def log_in(self, sender: int, name: str) -> str:
        self.gate.wait()
        return self.say(sender, f"/login {self.gate.code(name) or '000000'}")

    def confirmed(self, sender: int, text: str) -> str:
        prompt = self.say(sender, text)
        assert "answer within 60 s: /confirm " in prompt, prompt
        return self.say(sender, f"/confirm {prompt[-4:]}")

    def rows(self, table: Any) -> list[Any]:
        with transaction(self.gate.engine) as connection:
            return list(connection.execute(select(table).order_by(table.c.id)))

    def halts(self) -> list[str]:
        with transaction(self.gate.engine) as connection:
            return [row["message"] for row in standing_halts(connection)]


@pytest.fixture
def chat(gate: Gate, database_url: str, tmp_path: Path) -> Iterator[Chat]:
    served = ServedGate(gate)
    served.start()
    log = tmp_path / "telegram.log"
    with fake_telegram() as telegram:
        environment = {**os.environ, "QUANT_DATABASE_URL": database_url, "QUANT_TELEGRAM_TOKEN": TOKEN}
        environment |= {"QUANT_TELEGRAM__API_URL": telegram.address}
        environment |= {"QUANT_TELEGRAM__OPERATORS": f"ann {ANN}, vic {VIC}"}
        command = [sys.executable, "-P", "-m", "quant_pipelines.telegram", "--home", str(tmp_path)]
        with log.open("w") as stream:
            process = subprocess.Popen(
                [*command, "--gateway", served.address], env=environment, stderr=stream, text=True
            )
        telegram.polled()
        yield Chat(gate, telegram, served, process)
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)
        served.stop()
    assert code == 0, log.read_text()
    told = log.read_text()
    assert TOKEN not in told
    assert "Traceback" not in told, told


def test_an_operator_reads_pauses_and_flattens_from_the_chat(chat: Chat) -> None:
    gate = chat.gate
    gate.add("ann", "admin")
    deployment = gate.deployed()
    gate.booked(deployment, from_ms(gate.now_ms) - timedelta(minutes=1))
    assert chat.say(ANN, "/status").startswith("no login of yours counts")
    assert chat.say(ANN, "/login 000000").startswith(
        "refused, nothing was done: the code of ann is not right"
    )
    assert chat.log_in(ANN, "ann").startswith("ann is logged in as operator for 60 minutes")
    assert chat.say(ANN, "/status") == "Runner: away, last sign of life never\nNo halt stands"
    assert "ema_cross BTC/USDT:USDT 1h paper: +0.00 (+0.00 %)" in chat.say(ANN, "/profit")
    assert chat.say(ANN, "/positions").startswith("Nothing is held")
    prompt = chat.say(ANN, "/pause")
    assert chat.halts() == []  # nothing happens before it is confirmed
    assert prompt.startswith("This stops every decision of the whole account")
    assert "not the code" in chat.say(ANN, f"/confirm {(int(prompt[-4:]) + 1) % 10_000:04d}")
    assert chat.halts() == []
    assert chat.confirmed(ANN, "/pause").startswith("account is halted (audit row ")
    assert chat.halts() == ["halted by ann: /pause on Telegram, confirmed there"]
    assert "account is halted already" in chat.confirmed(ANN, "/pause")
    done = chat.confirmed(ANN, f"/flatten {deployment}")
    assert done.startswith(f"deployment:{deployment} is closed by the runner")
    acts = [(row.actor, row.action, row.subject) for row in chat.rows(audit_logs) if "runner" in row.action]
    assert acts == [
        ("ann", "runner.halted", "account"),
        ("ann", "runner.flattened", f"deployment:{deployment}"),
    ]
    assert "is no command" in chat.say(ANN, "/resume")
    assert "ann is logged out" in chat.say(ANN, "/logout")
    assert chat.say(ANN, "/status").startswith("no login of yours counts")


def test_others_get_nothing_done(chat: Chat) -> None:
    gate = chat.gate
    # While nobody is a user a name is enough for whoever sits here: Telegram is elsewhere.
    assert "nobody is a user yet" in chat.log_in(ANN, "ann")
    gate.add("ann", "admin")
    gate.add("vic", "viewer")
    assert chat.log_in(VIC, "vic").startswith("vic is logged in as viewer")
    assert chat.say(VIC, "/pause") == "vic is viewer; /pause needs an operator"
    assert chat.say(VIC, "/positions").startswith("Nothing is held")
    chat.log_in(ANN, "ann")
    chat.log_in(ANN, "ann")  # ends the one before
    logins = gate.logged_in("ann").get("/api/v1/logins").json()
    assert sum(login["label"] == "telegram" for login in logins) == 1
    prompt = chat.say(ANN, "/flatten")
    assert "waits for a confirmation" in chat.say(VIC, f"/confirm {prompt[-4:]}")
    # Whoever is shut out meanwhile can't confirm any more.
    for login in gate.logged_in("ann").get("/api/v1/logins").json():
        if login["label"] == "telegram":
            gate.logged_in("ann").delete(f"/api/v1/logins/{login['id']}")
    assert chat.say(ANN, f"/confirm {prompt[-4:]}").startswith("your login has ended, nothing was done")
    for _ in range(3):
        chat.telegram.write(MALLORY, "/flatten")
    chat.telegram.confirmed()
    assert chat.halts() == []
    [alert] = chat.rows(alerts)
    assert (alert.severity, alert.source) == ("warning", f"telegram:stranger:{MALLORY}")


def test_an_act_whose_answer_is_missing_is_not_known_and_a_question_says_so(chat: Chat) -> None:
    chat.gate.add("ann", "admin")
    chat.log_in(ANN, "ann")
    prompt = chat.say(ANN, "/pause")
    chat.served.stop()
    told = chat.say(ANN, f"/confirm {prompt[-4:]}")
    assert told.startswith("the gateway does not answer: ")
    assert told.endswith("it is not known whether that was done: ask /status")
    assert chat.say(ANN, "/status").endswith("; nothing was done")
