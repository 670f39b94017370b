"""Anybody's file: its columns are known by their headers."""

import re

from quant_pipelines.archive.headers import KINDS, match_headers, shown_kinds
from quant_pipelines.archive.layouts.layout import Layout, Statement
from quant_pipelines.archive.preview import Preview

NAME = "columns"
_NAME = re.compile(r"(?P<symbol>[A-Z0-9]+(?:USDT|USDC|BUSD|USD))[-_](?P<step>\d+[mhd])\b")


def layout_by_header(preview: Preview, kind: str) -> Layout:
    """Layout of a file whose headers say what its columns are.

    Parameters
    ----------
    preview
        File.
    kind
        What it should hold; empty leaves it to the headers.

    Raises
    ------
    DataError
        If a header is unknown, two mean one thing, or one is missing.
    """
    kinds = shown_kinds(preview.header, kind)
    names = dict(zip(preview.header, preview.columns, strict=True))
    return Layout(
        name=NAME,
        header=preview.columns,
        kinds={
            one: {
                column: names[header]
                for column, header in match_headers(preview.path, preview.header, KINDS[one]).items()
            }
            for one in kinds
        },
        states=_states,
        has_any_zone=True,
        has_gaps=len(kinds) > 1,
    )


def _states(preview: Preview) -> Statement:
    match = _NAME.match(preview.path.name)
    return Statement(match["symbol"], match["step"]) if match else Statement()
