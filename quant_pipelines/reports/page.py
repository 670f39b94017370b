"""Building blocks of a page: document, section, facts, tables; everything that is given is escaped."""

import html
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


class Cell(NamedTuple):
    """Table cell: text, what it is sorted by, its classes, a hint, and a page beside this one."""

    text: str
    value: float | str | None = None
    kind: str = ""
    hint: str = ""
    link: str = ""


def escape(text: object) -> str:
    """Text as HTML."""
    return html.escape(str(text))


def document(title: str, subtitle: str, sections: Iterable[str], marks: str = "") -> str:
    """Whole page of a title, a subtitle (both plain text), sections and marks for the head (HTML)."""
    style, script = _file("chart.css") + _file("report.css"), _file("report.js") + _file("chart.js")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"{marks}"
        f"<title>{escape(title)}, {escape(subtitle)}</title><style>{style}</style></head>"
        f'<body><main><h1>{escape(title)}</h1><p class="sub">{escape(subtitle)}</p>{"".join(sections)}</main>'
        f"<script>{script}</script></body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """Section with a heading; empty parts leave no trace."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(text: str, kind: str = "") -> str:
    """Paragraph of plain text."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def facts(pairs: Mapping[str, str]) -> str:
    """List of names and what they are."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs.items())
    return f'<dl class="facts">{rows}</dl>'


class Tile(NamedTuple):
    """Large figure: its name, its value, and what stands beside it."""

    name: str
    value: str
    beside: str


def tiles(items: Iterable[Tile]) -> str:
    """Large figures side by side."""
    shown = "".join(
        f'<div class="tile"><span>{escape(tile.name)}</span><b>{escape(tile.value)}</b>'
        f"<span>{escape(tile.beside)}</span></div>"
        for tile in items
    )
    return f'<div class="tiles">{shown}</div>'


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str | Cell]],
    *,
    texts: Iterable[int] = (0,),
    kind: str = "",
) -> str:
    """Table that scrolls sideways where the page is narrow.

    Parameters
    ----------
    header
        Names of the columns.
    rows
        Cells, plain text or ``Cell``.
    texts
        Columns that hold text and stand on the left; the others are numbers.
    kind
        Classes: ``sortable`` lets a click on a column's name sort by it, ``full`` takes the whole width.
    """
    left = set(texts)
    head = "".join(
        f'<th scope="col"{_class("t" if at in left else "")}>{escape(name)}</th>'
        for at, name in enumerate(header)
    )
    body = "".join(
        "<tr>" + "".join(_cell(cell, is_text=at in left) for at, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide" tabindex="0"><table{_class(kind)}><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def folded(summary: str, *parts: str) -> str:
    """Parts that a line opens."""
    return f"<details><summary>{escape(summary)}</summary>{''.join(parts)}</details>"


def side_by_side(*parts: str) -> str:
    """Parts beside each other where there is room."""
    return f'<div class="pair">{"".join(parts)}</div>'


def shade(value: float, scale: float) -> str:
    """Classes of a cell of a heat map: the color of its sign, the deeper the nearer it is to the scale."""
    strength = round(12 * min(1.0, abs(value) / scale)) if scale > 0 else 0
    return f"cell {'up' if value >= 0 else 'down'} a{strength}"


def signed(value: float) -> str:
    """Class of a gain or a loss."""
    return "gain" if value > 0 else "loss" if value < 0 else ""


def _cell(cell: str | Cell, *, is_text: bool) -> str:
    given = cell if isinstance(cell, Cell) else Cell(cell)
    kind = f"t {given.kind}".strip() if is_text else given.kind
    sort = "" if given.value is None else f' data-v="{escape(given.value)}"'
    text = escape(given.text)
    if given.hint:
        text = f'<abbr title="{escape(given.hint)}">{text}</abbr>'
    if given.link:
        text = f'<a href="{escape(given.link)}">{text}</a>'
    return f"<td{_class(kind)}{sort}>{text}</td>"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


@cache
def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
