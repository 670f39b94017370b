"""Figures of every row as the page shows them, with the worlds and the code behind each."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.calibrate.store import ROOT
from quant_pipelines.core.clock import utc_now
from quant_pipelines.reports import screen_rates

FILE = ROOT / "docs" / "calibration.json"


class Row(NamedTuple):
    """Figures of so many worlds, the digest of the code that measured them, and the UTC day."""

    worlds: int
    code: str
    day: str
    figures: Mapping[str, Any]


class Results:
    """Rows by section and key, kept in the file beside the page."""

    def __init__(self) -> None:
        stored = json.loads(FILE.read_text()) if FILE.exists() else {}
        self._rows = {
            section: {key: Row(**row) for key, row in rows.items()} for section, rows in stored.items()
        }

    def add(self, section: str, key: str, code: str, worlds: int, figures: Mapping[str, Any]) -> None:
        """Replace a row unless it rests on more worlds."""
        rows = self._rows.setdefault(section, {})
        old = rows.get(key)
        if old is None or worlds > old.worlds or (worlds == old.worlds and code != old.code):
            rows[key] = Row(worlds, code, f"{utc_now():%Y-%m-%d}", dict(figures))

    def rows(self, section: str) -> dict[str, Row]:
        """Rows of a section by key as JSON text."""
        return self._rows.get(section, {})

    def worlds(self) -> dict[str, int]:
        """Worlds of each section."""
        return {section: sum(row.worlds for row in rows.values()) for section, rows in self._rows.items()}

    def write(self) -> None:
        """Keep them."""
        document = {
            section: {key: row._asdict() for key, row in rows.items()} for section, rows in self._rows.items()
        }
        FILE.write_text(json.dumps(document, indent=1) + "\n")
        for row in self.rows("pipeline").values():
            screen_rates.FILE.write_text(json.dumps(_screened(row)) + "\n")


def _screened(row: Row) -> dict[str, int]:
    """Rates of the paper screen that the page of a verdict shows."""
    rates: dict[str, int] = {}
    for name in ("noise", "trend"):
        part = row.figures[name]
        rates |= {f"{name}_records": part["records"], f"{name}_passed": part["screened"]}
    return rates
