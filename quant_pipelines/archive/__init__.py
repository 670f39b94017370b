"""Market history in a folder of Parquet files: where files lie, and what is in them."""

from quant_pipelines.archive.files import (
    bar_files,
    ccxt_symbol,
    funding_file,
    mark_files,
    open_interest_files,
    venue_name,
)
from quant_pipelines.archive.series import (
    Points,
    has_bars,
    load_bars,
    load_funding,
    read_bar_rows,
    read_funding_stamps,
    read_mark,
    read_open_interest,
)

__all__ = [
    "Points",
    "bar_files",
    "ccxt_symbol",
    "funding_file",
    "has_bars",
    "load_bars",
    "load_funding",
    "mark_files",
    "open_interest_files",
    "read_bar_rows",
    "read_funding_stamps",
    "read_mark",
    "read_open_interest",
    "venue_name",
]
