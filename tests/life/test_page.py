"""Figures of lived worlds, and their page."""

import json
from pathlib import Path
from typing import Any

from tests.life import page

OF = {"commit": "abcdef12", "scene": "no_skill", "days": 365}


def world(*promotions: bool, befallen: bool = True) -> dict[str, Any]:
    live = [["noise_a", "BTC/USDT:USDT", 60, None, is_false] for is_false in promotions]
    return {"violations": [], "live": live, "befallen": befallen}


def test_a_world_is_false_once_and_its_interval_is_exact() -> None:
    found = page.figures(OF, [world(True, True, False), world(False), world(befallen=False)])
    assert (found["worlds"], found["befallen"], found["promotions"], found["false"]) == (3, 2, 4, 1)
    assert (found["false_low"], found["false_high"]) == (0.0084, 0.9057)


def test_figures_take_the_place_of_those_of_the_same_commit_and_scene(tmp_path: Path) -> None:
    page.write(page.figures(OF, [world()]), tmp_path)
    page.write(page.figures(OF | {"scene": "plain"}, [world(False)]), tmp_path)
    page.write(page.figures(OF, [world(), world()]), tmp_path)
    rows = json.loads((tmp_path / "life.json").read_text())
    assert [(one["scene"], one["worlds"]) for one in rows] == [("no_skill", 2), ("plain", 1)]


def test_the_page_is_made_of_its_figures() -> None:
    stored = page.DOCS / "life.json"
    known = json.loads(stored.read_text()) if stored.is_file() else []
    said = (page.DOCS / "life.md").read_text().partition(page.MARK)[2]
    assert said == (page.rows_of(known) if known else "")
