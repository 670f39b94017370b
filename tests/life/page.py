"""What was lived, a row for each commit and scene: ``docs/life.json``, shown in ``docs/life.md``."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.calibrate.intervals import clopper_pearson

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
MARK: Final = "<!-- figures -->\n"
"""Everything after this line of the page is written from the figures."""
_KEY: Final = ("commit", "scene", "days")
_HEAD: Final = (
    "| commit | scene | until day | worlds | befallen | violations | became live | false | 95 % of false |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


def figures(of: dict[str, Any], worlds: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Sum the worlds of a commit and scene; a world is false once, however many of its promotions are."""
    lived = list(worlds)
    false = sum(any(one[-1] for one in world["live"]) for world in lived)
    low, high = clopper_pearson(false, len(lived))
    return {
        **{name: of[name] for name in _KEY},
        "worlds": len(lived),
        "befallen": sum(world["befallen"] for world in lived),
        "violations": sum(len(world["violations"]) for world in lived),
        "promotions": sum(len(world["live"]) for world in lived),
        "false": false,
        "false_low": round(low, 4),
        "false_high": round(high, 4),
    }


def rows_of(known: list[dict[str, Any]]) -> str:
    """Table of the figures."""
    return _HEAD + "".join(
        f"| {one['commit']} | {one['scene']} | {one['days']} | {one['worlds']} | {one['befallen']} | "
        f"{one['violations']} | {one['promotions']} | {one['false']} | "
        f"{one['false_low']:.1%} to {one['false_high']:.1%} |\n"
        for one in known
    )


def write(new: dict[str, Any], docs: Path = DOCS) -> None:
    """Put figures in the place of those of the same commit, scene and days, and write the page anew."""
    stored, page = docs / "life.json", docs / "life.md"
    known = json.loads(stored.read_text()) if stored.is_file() else []
    kept = [one for one in known if any(one[name] != new[name] for name in _KEY)]
    found = sorted([*kept, new], key=lambda one: (one["scene"], one["days"], one["commit"]))
    stored.write_text(json.dumps(found, indent=1) + "\n")
    said = page.read_text().partition(MARK)[0] if page.is_file() else "# Lived worlds\n\n"
    page.write_text(said + MARK + rows_of(found))
