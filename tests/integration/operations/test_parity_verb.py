"""``quant parity`` as scripts use it: exit codes, one document, one sentence for what is refused."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.clock import utc_now
from quant_pipelines.store.tables import deployments, equity
from tests.integration.runner.conftest import insert_deployment_at
from tests.integration.runner.world import SWITCH

pytestmark = pytest.mark.postgres

Answer = tuple[int, Any, str]


@pytest.fixture
def parity(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    monkeypatch.setenv("QUANT_DATABASE_URL", database_url)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))

    def run(*arguments: str) -> Answer:
        code = main(["parity", *arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in arguments and out else out, err

    return run


def test_the_verb_tells_a_day_and_ends_with_its_code(
    engine: Engine, database_url: str, parity: Callable[..., Answer]
) -> None:
    now = utc_now()
    yesterday = (now - timedelta(days=1)).date()
    empty = {"day": yesterday.isoformat(), "is_fine": True, "deployments": [], "done": []}
    assert parity("--json")[:2] == (0, empty)
    created = now - timedelta(days=3)
    insert_deployment_at(engine, SWITCH, {"created_at": created, "history_start": created})
    code, document, _ = parity("--json")
    [row] = document["deployments"]
    assert (code, document["is_fine"], row["verdict"]) == (1, False, "not replayed")
    code, text, _ = parity(str(yesterday))
    assert (code, "nothing was booked on that day" in text) == (1, True)
    code, _, err = parity(str(now.date() + timedelta(days=2)))
    assert (code, f"the last is {yesterday}" in err) == (1, True)


def test_a_leg_is_named_and_fails_nobody(
    engine: Engine, database_url: str, parity: Callable[..., Answer]
) -> None:
    now = utc_now()
    created = now - timedelta(days=3)
    values = {"created_at": created, "history_start": created}
    whole, leg = (insert_deployment_at(engine, SWITCH, dict(values)) for _ in range(2))
    booked = {"deployment_id": leg, "ts": now - timedelta(days=1), "price": 1.0}
    booked |= {"equity": 1.0, "cash": 1.0, "position": 0.0}
    with engine.begin() as connection:
        where = deployments.c.id == leg
        connection.execute(update(deployments).where(where).values(set_id=whole, stage=None))
        connection.execute(insert(equity).values(booked))
    code, document, _ = parity("--json")
    told = [(row["deployment_id"], row["verdict"], row["reason"]) for row in document["deployments"]]
    reason = f"it is a leg of deployment:{whole}; sets are not replayed"
    assert told == [(leg, "not replayable", reason)]
    assert (code, document["is_fine"]) == (0, True)


def test_a_database_that_is_away_is_one_sentence(
    parity: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", "postgresql://quant@127.0.0.1:9/none")
    code, _, err = parity()
    assert (code, err.count("\n")) == (1, 1)
