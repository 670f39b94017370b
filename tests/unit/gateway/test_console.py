"""What the console judges without a database: ages, lights, steps of a chain; and its page among the docs."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.gateway.console.figures import curve_of, drawdown_of, equity_chart
from quant_pipelines.gateway.console.freshness import ALLOWANCES, age_of
from quant_pipelines.gateway.console.history import timeline
from quant_pipelines.gateway.console.overview import lights
from quant_pipelines.gateway.console.routes import PAGES
from quant_pipelines.operations.outages import RUNNER

NOW = datetime(2025, 6, 10, 12, tzinfo=UTC)
DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "console.md").read_text()
UNITS = {"s": 1, "min": 60, "h": 3600}


@dataclass
class Sign:
    state: str
    at: datetime


@pytest.mark.parametrize(
    ("source", "seconds", "step", "state"),
    [
        ("runner", 14.9, 0, "fresh"),
        ("runner", 15, 0, "late"),
        ("runner", 60, 0, "stale"),
        ("book", 3719, 3600, "fresh"),
        ("book", 3720, 3600, "late"),
        ("book", 10_919, 3600, "late"),
        ("book", 10_920, 3600, "stale"),
        ("page", -5, 0, "fresh"),
    ],
)
def test_an_age_is_judged_by_the_table(source: str, seconds: float, step: float, state: str) -> None:
    age = age_of(source, NOW - timedelta(seconds=seconds), NOW, step_seconds=step)
    assert (age.state, age.seconds >= 0) == (state, True)


def test_what_never_was_has_no_age() -> None:
    assert age_of("scan", None, NOW).state == "unknown"


def test_the_page_tells_the_table_of_ages_and_the_pages() -> None:
    rows = re.findall(r"^\| (\w+) \(.*\) \| (.+) \| (.+) \|$", DOCUMENT, re.MULTILINE)
    told = {name: (seconds_of(late), seconds_of(stale)) for name, late, stale in rows}
    assert told == {
        name: ((row.late, row.late_steps), (row.stale, row.stale_steps)) for name, row in ALLOWANCES.items()
    }
    titles = re.findall(r"^\| ([A-Z][\w ]+) \| .* \| .* \|$", DOCUMENT, re.MULTILINE)
    assert titles[1:-1] == [page.title for page in PAGES], titles


def seconds_of(words: str) -> tuple[float, float]:
    steps = re.match(r"(\d+) bars? and ", words)
    amount, unit = words.removeprefix(steps.group() if steps else "").split()
    return int(amount) * UNITS[unit], float(steps.group(1)) if steps else 0.0


@pytest.mark.parametrize(("age", "color"), [(5, "good"), (20, "watch"), (90, "bad")])
def test_a_runner_that_is_silent_is_no_good_sign(age: float, color: str) -> None:
    alive: Any = {RUNNER: Sign("ACTIVE", NOW - timedelta(seconds=age))}
    assert lights(alive, [], [], [], NOW)[0].color == color


def test_a_halt_is_a_bad_light_and_an_alert_one_to_watch() -> None:
    shown = {one.name: one.color for one in lights({}, [{}], [{}], [], NOW)}
    assert (shown["Runner"], shown["Halts"], shown["Alerts"]) == ("bad", "bad", "watch")


def test_a_drawdown_is_measured_from_the_best_value() -> None:
    assert drawdown_of(np.array([100.0, 200.0, 150.0])) == 0.25
    assert drawdown_of(np.array([])) == 0.0


def test_a_chart_carries_no_style_of_its_own() -> None:
    drawn = equity_chart('<b>"', curve_of([0, 3_600_000, 7_200_000], [1.0, 3.0, 2.0]))
    assert "<path" in drawn
    assert "style=" not in drawn
    assert '<b>"' not in drawn
    assert equity_chart("one point", curve_of([0], [1.0])) == ""


def test_a_chain_without_a_decision_has_its_fills_alone() -> None:
    fill = {"ts": NOW, "booked_at": NOW, "trade_id": "p1"}
    chain = {"verdict": None, "deployment": {"id": 1}, "signal": None, "order": None, "cost": None}
    assert [step.name for step in timeline(chain | {"fills": [fill]})] == ["deployment", "fill"]
