"""Market history in files: where an archive keeps them, what is in them, and files from anywhere."""

from typing import TYPE_CHECKING

from quant_pipelines.core.late_names import names_of

if TYPE_CHECKING:
    from quant_pipelines.archive.claims import Claims
    from quant_pipelines.archive.file_series import FileSeries
    from quant_pipelines.archive.files import (
        Unused,
        bar_files,
        file_name_of,
        funding_file,
        mark_files,
        open_interest_files,
        own_open_interest_files,
        unused_files,
    )
    from quant_pipelines.archive.headers import KINDS, accepted_headers
    from quant_pipelines.archive.incoming import held_kinds, read_series
    from quant_pipelines.archive.inputs import load_points
    from quant_pipelines.archive.layouts import BY_HEADER, LAYOUTS
    from quant_pipelines.archive.marks import load_mark
    from quant_pipelines.archive.origin import NoRowsError
    from quant_pipelines.archive.preview import READABLE, is_readable_name
    from quant_pipelines.archive.series import (
        Points,
        has_bars,
        load_bars,
        load_funding,
        load_quote_volume,
        read_bar_rows,
        read_funding_stamps,
        read_mark,
        read_open_interest,
        read_quote_volume,
    )
    from quant_pipelines.archive.source import FileSource
else:
    __getattr__ = names_of(
        __name__,
        {
            "claims": ("Claims",),
            "file_series": ("FileSeries",),
            "files": (
                "Unused",
                "bar_files",
                "file_name_of",
                "funding_file",
                "mark_files",
                "open_interest_files",
                "own_open_interest_files",
                "unused_files",
            ),
            "headers": (
                "KINDS",
                "accepted_headers",
            ),
            "incoming": (
                "held_kinds",
                "read_series",
            ),
            "inputs": ("load_points",),
            "layouts": (
                "BY_HEADER",
                "LAYOUTS",
            ),
            "marks": ("load_mark",),
            "origin": ("NoRowsError",),
            "preview": (
                "READABLE",
                "is_readable_name",
            ),
            "series": (
                "Points",
                "has_bars",
                "load_bars",
                "load_funding",
                "load_quote_volume",
                "read_bar_rows",
                "read_funding_stamps",
                "read_mark",
                "read_open_interest",
                "read_quote_volume",
            ),
            "source": ("FileSource",),
        },
    )

__all__ = [
    "Claims",
    "BY_HEADER",
    "FileSource",
    "KINDS",
    "LAYOUTS",
    "READABLE",
    "Points",
    "FileSeries",
    "NoRowsError",
    "Unused",
    "accepted_headers",
    "bar_files",
    "file_name_of",
    "funding_file",
    "has_bars",
    "held_kinds",
    "is_readable_name",
    "load_bars",
    "load_funding",
    "load_points",
    "load_quote_volume",
    "load_mark",
    "mark_files",
    "open_interest_files",
    "own_open_interest_files",
    "read_bar_rows",
    "read_funding_stamps",
    "read_mark",
    "read_open_interest",
    "read_quote_volume",
    "read_series",
    "unused_files",
]
