"""The page of settings says what the code says."""

import dataclasses
from pathlib import Path
from typing import Any

from quant_pipelines.core.settings import Settings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


def rows(tree: Any, prefix: str = "") -> list[str]:
    """One table row for each setting."""
    found: list[str] = []
    for field in dataclasses.fields(tree):
        value = getattr(tree, field.name)
        if dataclasses.is_dataclass(value):
            found += rows(value, f"{prefix}{field.name}.")
            continue
        about = field.metadata
        found.append(
            f"| `{prefix}{field.name}` | {_shown(value)} | {_range(about)} | {about['description']} |"
        )
    return found


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return "none" if value in (None, "") else str(value)


def _range(about: Any) -> str:
    bounds = about["bounds"]
    if bounds.choices:
        return ", ".join(bounds.choices)
    if bounds.low is None and bounds.high is None:
        return ""
    return f"≥ {bounds.low}" if bounds.high is None else f"{bounds.low} … {bounds.high}"


def test_page_has_a_row_for_every_setting() -> None:
    page = PAGE.read_text().splitlines()
    assert [row for row in rows(Settings()) if row not in page] == []


def test_page_has_no_row_for_a_setting_that_is_gone() -> None:
    tree = PAGE.read_text().partition("\n## ")[0]
    listed = [line for line in tree.splitlines() if line.startswith("| `")]
    assert [line for line in listed if line not in rows(Settings())] == []
