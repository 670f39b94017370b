"""What the command line answers on a seeded market stays what it was: figures, trades and names of fields."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.golden.market import write_market
from tests.golden.runs import RECORDED, RUNS, STRATEGIES, answer_of

KNOWN = json.loads(RECORDED.read_text())


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(autouse=True)
def packaged_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("QUANT_") or name == "EXCHANGE"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QUANT_STRATEGIES_FOLDER", str(STRATEGIES))
    monkeypatch.chdir(tmp_path)


def test_every_command_has_an_answer_and_every_answer_a_command() -> None:
    assert sorted(KNOWN) == sorted(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_a_command_answers_as_before(name: str, market: Path) -> None:
    differences = list(differing(KNOWN[name], answer_of(RUNS[name], market), name))
    assert differences == []


def differing(known: Any, now: Any, place: str) -> Any:
    """Places at which two documents differ; figures may differ in the ninth digit."""
    if isinstance(known, dict) and isinstance(now, dict):
        for name in sorted({*known, *now}):
            yield from differing(known.get(name, "nothing"), now.get(name, "nothing"), f"{place} → {name}")
    elif isinstance(known, list) and isinstance(now, list) and len(known) == len(now):
        for number, (one, other) in enumerate(zip(known, now, strict=True)):
            yield from differing(one, other, f"{place} → {number}")
    elif isinstance(known, float) and isinstance(now, int | float):
        if now != pytest.approx(known, rel=1e-9, abs=1e-9):
            yield f"{place}: {known} became {now}"
    elif known != now:
        yield f"{place}: {known!r} became {now!r}"
