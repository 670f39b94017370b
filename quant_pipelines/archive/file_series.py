"""One series of a file, ready to be proven and stored."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from quant_pipelines.archive.claims import Claims
from quant_pipelines.archive.columns import Columns
from quant_pipelines.archive.origin import Origin
from quant_pipelines.core.arrays import IntArray


@dataclass(frozen=True, slots=True, eq=False)
class FileSeries:
    """What one file holds.

    Parameters
    ----------
    origin
        File, and where each row stands in it.
    kind
        bars, funding or open_interest; trades have become bars.
    asked
        Symbol, timeframe and units, completed by what the file says.
    columns
        ``ts`` (milliseconds UTC, strictly increasing) and the values, each of shape (n_rows,). Optional ones
        may be absent, and are NaN where a row is empty.
    exchanges
        ccxt ids of which the file may be; empty where nothing says it.
    layout
        Name of the layout.
    unit
        How its times are written.
    checksum
        SHA-256 of the file.
    notes
        What a reader should know.
    beside
        Kinds that stand in the same rows and were not read.
    untraded
        Open times of bars that are missing because nothing was traded, milliseconds UTC. ndarray of shape
        (n_untraded,), int64.
    """

    origin: Origin
    kind: str
    asked: Claims
    columns: Columns
    exchanges: tuple[str, ...] = ()
    layout: str = ""
    unit: str = ""
    checksum: str = ""
    notes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    untraded: IntArray = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def path(self) -> Path:
        """File."""
        return self.origin.path

    @property
    def symbol(self) -> str:
        """Symbol in ccxt's form."""
        return self.asked.symbol

    @property
    def timeframe(self) -> str:
        """Of bars; empty for the others."""
        return self.asked.timeframe if self.kind == "bars" else ""

    @property
    def ts(self) -> IntArray:
        """Times, milliseconds UTC."""
        return self.columns["ts"]
