"""Building blocks of self-contained HTML pages: a page, a table, a line; no script, no download."""

import html
from collections.abc import Iterable

import numpy as np

from quant_pipelines.core.arrays import FloatArray

_WIDTH, _HEIGHT, _POINTS = 900, 220, 900
_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em auto;max-width:960px;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;"
    "text-align:right}th:first-child,td:first-child{text-align:left}svg{background:#fafafa;width:100%}"
)


def page(title: str, sections: Iterable[str]) -> str:
    """HTML document of a title (plain text) and sections (HTML)."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><body><h1>{html.escape(title)}</h1>{''.join(sections)}</body></html>"
    )


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """HTML table of plain-text cells."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def line(values: FloatArray, color: str) -> str:
    """Inline SVG of one line over equal steps; values of shape (n,) with n of at least 1."""
    picked = values[np.unique(np.linspace(0, values.size - 1, _POINTS).astype(np.int64))]
    low, high = float(picked.min()), float(picked.max())
    x = np.linspace(0.0, _WIDTH, picked.size)
    y = _HEIGHT - (picked - low) / ((high - low) or 1.0) * _HEIGHT
    points = " ".join(f"{left:.1f},{top:.1f}" for left, top in zip(x, y, strict=True))
    return (
        f'<svg viewBox="-4 -4 {_WIDTH + 8} {_HEIGHT + 8}"><polyline fill="none" stroke="{color}" '
        f'stroke-width="1.5" points="{points}"/><text x="4" y="14">{high:,.4g}</text>'
        f'<text x="4" y="{_HEIGHT - 4}">{low:,.4g}</text></svg>'
    )
