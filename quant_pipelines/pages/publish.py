"""Pages of verdicts as files: listed by an index, the oldest ones removed.

A page is made of stored rows alone, so a lost one comes back, and removing one loses nothing. It is written
once, and again when capital is decided otherwise than it says.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.errors import QuantError
from quant_pipelines.optimize.evidence import Freshness
from quant_pipelines.pages.place import INDEX, page_name
from quant_pipelines.pages.walk import walk_of
from quant_pipelines.reports.capital import capital_mark
from quant_pipelines.reports.index import render_index
from quant_pipelines.reports.walk_forward import render_walk
from quant_pipelines.research.database_source import DatabaseSource
from quant_pipelines.research.history import HistorySource
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.records import read_folds
from quant_pipelines.store.verdict_rows import incumbent_returns, verdict_of_task

_log = logging.getLogger(__name__)
_HEAD = 4096
_NUMBERED = re.compile(r"verdict-(\d+)\.html")


class PageFolder(NamedTuple):
    """Folder of pages, and the most pages of verdicts that stay; those with the smallest numbers go first."""

    folder: Path
    keep: int


def publish_verdicts(
    engine: Engine,
    rows: Sequence[Mapping[str, Any]],
    pages: PageFolder,
    *,
    fresh: Freshness,
    columns: Path | None = None,
) -> list[str]:
    """Write the pages that are missing or say something else of capital than is true by now, and the index.

    Parameters
    ----------
    engine
        Product database.
    rows
        The newest verdicts as they count on the day: the index lists them.
    pages
        Where pages are, made if it is missing, and how many stay.
    fresh
        Day, and how old evidence for capital may be.
    columns
        Folder of column files to read bars through; None reads them from the database.

    Returns
    -------
    list of str
        Names of the pages that were written; one that can't be is a warning in the log, and tried again.
    """
    folder = pages.folder
    folder.mkdir(parents=True, exist_ok=True)
    sources: dict[str, DatabaseSource] = {}
    written = []
    for row in rows:
        path = folder / page_name(row["id"])
        if not _says(path, row["capital"]):
            source = sources.setdefault(row["exchange"], DatabaseSource(engine, row["exchange"], columns))
            try:
                _write(path, page_of(engine, row["task_id"], source, fresh))
            except (QuantError, OSError) as error:
                _log.warning("page of verdict %d is not written: %s", row["id"], error)
                continue
            written.append(path.name)
    _remove_oldest(folder, pages.keep)
    shown = (row for row in rows if (folder / page_name(row["id"])).exists())
    _write(folder / INDEX, render_index(shown, page_name))
    return written


def page_of(engine: Engine, task_id: int, source: HistorySource, fresh: Freshness) -> str:
    """Page of a task's verdict, as it counts on a day."""
    with transaction(engine) as connection:
        record = verdict_of_task(connection, task_id).counted(fresh)
        folds = read_folds(connection, task_id)
        incumbent = incumbent_returns(connection, record)
    return render_walk(walk_of(record, folds, source, incumbent))


def _says(path: Path, capital: Mapping[str, Any]) -> bool:
    """Whether there is a page that says so of capital, at its head."""
    if not path.exists():
        return False
    with path.open(encoding="utf-8") as page:
        return capital_mark(capital["decision"], capital["decided_by"]) in page.read(_HEAD)


def _remove_oldest(folder: Path, keep: int) -> None:
    numbered = {int(found[1]): path for path in folder.iterdir() if (found := _NUMBERED.fullmatch(path.name))}
    for number in sorted(numbered)[: max(0, len(numbered) - keep)]:
        numbered[number].unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Replace a file at once, so that a reader never sees half of it."""
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
