"""The page that lists verdicts."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from quant_pipelines.reports.numbers import NOTHING, percent, words
from quant_pipelines.reports.page import Cell, document, paragraph, table

Row = Mapping[str, Any]


def render_index(rows: Iterable[Row], page_name: Callable[[int], str]) -> str:
    """Render the list of verdicts, best out of sample first, with a link to the page of each.

    Parameters
    ----------
    rows
        Verdicts as they are stored.
    page_name
        Name of the page of a verdict by its id.
    """
    header = ("verdict", "strategy", "symbol", "bars", "out of sample", "paper", "capital", "made")
    best_first = sorted(rows, key=_gained, reverse=True)
    cells = (_index_row(row, page_name(row["id"])) for row in best_first)
    listed = table(header, cells, texts=(0, 1, 2, 3, 5, 6), kind="sortable")
    note = paragraph("The newest verdict of each strategy, symbol and timeframe.", "soft")
    return document("Verdicts", "walk-forwards and what they proved", [note, listed])


def _gained(row: Row) -> float:
    return float(row["out_of_sample"].get("total_return") or 0.0)


def _index_row(row: Row, page: str) -> tuple[str | Cell, ...]:
    gained = row["out_of_sample"].get("total_return")
    return (
        Cell(str(row["id"]), row["id"], link=page),
        row["strategy"],
        row["symbol"],
        row["timeframe"],
        Cell(NOTHING if gained is None else percent(gained), gained),
        _passed(row["paper_passed"]),
        _capital(row["capital"]),
        Cell(f"{row['created_at']:%Y-%m-%d %H:%M}"),
    )


def _capital(said: Mapping[str, Any]) -> Cell:
    decision, by = said["decision"], said["decided_by"]
    is_passed = decision == "passed"
    told = decision if is_passed else f"{decision}: {words(by)}"
    return Cell(told, kind="pass" if is_passed else "fail")


def _passed(value: bool) -> Cell:
    return Cell("passed" if value else "not passed", kind="pass" if value else "fail")
