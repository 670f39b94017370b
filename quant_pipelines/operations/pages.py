"""Pages of verdicts as files: written once, listed by an index, the oldest ones removed.

A page is made of stored rows alone, so a lost one comes back, and removing one loses nothing.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.errors import QuantError
from quant_pipelines.reports.numbers import NOTHING, percent
from quant_pipelines.reports.page import Cell, document, paragraph, table
from quant_pipelines.reports.walk_forward import render_walk
from quant_pipelines.research.history import DatabaseSource
from quant_pipelines.research.pages import walk_of
from quant_pipelines.store.research import read_folds
from quant_pipelines.store.verdicts import verdict_of_task

INDEX = "index.html"
_log = logging.getLogger(__name__)
_NUMBERED = re.compile(r"verdict-(\d+)\.html")


def page_name(verdict_id: int) -> str:
    """File name of a verdict's page."""
    return f"verdict-{verdict_id}.html"


def publish_verdicts(
    engine: Engine, rows: Sequence[Mapping[str, Any]], folder: Path, *, keep: int, columns: Path | None = None
) -> list[str]:
    """Write the pages that are missing, and the index.

    Parameters
    ----------
    engine
        Product database.
    rows
        The newest verdicts: the index lists them.
    folder
        Where pages are; made if it is missing.
    keep
        Most pages of verdicts that stay; those with the smallest numbers go first.
    columns
        Folder of column files to read bars through; None reads them from the database.

    Returns
    -------
    list of str
        Names of the pages that were written; one that can't be is a warning in the log, and tried again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, DatabaseSource] = {}
    written = []
    for row in rows:
        path = folder / page_name(row["id"])
        if not path.exists():
            source = sources.setdefault(row["exchange"], DatabaseSource(engine, row["exchange"], columns))
            try:
                _write(path, _render(engine, row["task_id"], source))
            except (QuantError, OSError) as error:
                _log.warning("page of verdict %d is not written: %s", row["id"], error)
                continue
            written.append(path.name)
    _remove_oldest(folder, keep)
    _write(folder / INDEX, render_index(row for row in rows if (folder / page_name(row["id"])).exists()))
    return written


def render_index(rows: Iterable[Mapping[str, Any]]) -> str:
    """Page that lists verdicts, best out of sample first, with a link to the page of each."""
    header = ("verdict", "strategy", "symbol", "bars", "out of sample", "paper", "capital", "made")
    best_first = sorted(rows, key=_gained, reverse=True)
    listed = table(header, map(_index_row, best_first), texts=(0, 1, 2, 3, 5, 6), kind="sortable")
    note = paragraph("The newest verdict of each strategy, symbol and timeframe.", "soft")
    return document("Verdicts", "walk-forwards and what they proved", [note, listed])


def _gained(row: Mapping[str, Any]) -> float:
    return float(row["out_of_sample"].get("total_return") or 0.0)


def _render(engine: Engine, task_id: int, source: DatabaseSource) -> str:
    record = verdict_of_task(engine, task_id)
    return render_walk(walk_of(record, read_folds(engine, task_id), source, engine))


def _index_row(row: Mapping[str, Any]) -> tuple[str | Cell, ...]:
    gained = row["out_of_sample"].get("total_return")
    return (
        Cell(str(row["id"]), row["id"], link=page_name(row["id"])),
        row["strategy"],
        row["symbol"],
        row["timeframe"],
        Cell(NOTHING if gained is None else percent(gained), gained),
        _passed(row["paper_passed"]),
        _passed(row["capital_passed"]),
        Cell(f"{row['created_at']:%Y-%m-%d %H:%M}"),
    )


def _passed(value: bool) -> Cell:
    return Cell("passed" if value else "not passed", kind="pass" if value else "fail")


def _remove_oldest(folder: Path, keep: int) -> None:
    numbered = {int(found[1]): path for path in folder.iterdir() if (found := _NUMBERED.fullmatch(path.name))}
    for number in sorted(numbered)[: max(0, len(numbered) - keep)]:
        numbered[number].unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Replace a file at once, so that a reader never sees half of it."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
