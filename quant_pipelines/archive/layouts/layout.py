"""What one vendor's layout is; nothing here knows a single vendor."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np

from quant_pipelines.archive.claims import Claims, Stamped
from quant_pipelines.archive.columns import Columns
from quant_pipelines.archive.origin import Origin
from quant_pipelines.archive.preview import Preview
from quant_pipelines.core.arrays import IntArray

TEXT_COLUMNS = ("symbol", "interval", "exchange", "slot", "trade_id")
"""Columns, by our names, that are not numbers."""


class Statement(NamedTuple):
    """What a file says of itself beside its rows; empty where it says nothing.

    Parameters
    ----------
    symbol, timeframe
        As the file spells them.
    exchanges
        ccxt ids that it may be of.
    kind
        What it holds where its columns could be something else, such as ``mark prices``.
    day
        Day from which its times count, as ``YYYYMMDD``.
    """

    symbol: str = ""
    timeframe: str = ""
    exchanges: tuple[str, ...] = ()
    kind: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """Rows of a file on their way to be proven.

    Parameters
    ----------
    origin
        File, and where each row stands in it.
    columns
        ``ts`` (milliseconds UTC) and what the layout reads, each of shape (n_rows,); NaN is empty.
    asked
        What was said of it; symbol and timeframe are known by now.
    notes
        What its reader should know.
    interval
        Of payments, as the file spells it; empty where it does not say.
    """

    origin: Origin
    columns: Columns
    asked: Claims
    notes: tuple[str, ...] = ()
    interval: str = ""

    @property
    def ts(self) -> IntArray:
        """Times, milliseconds UTC."""
        return self.columns["ts"]

    def taken(self, chosen: np.ndarray) -> Self:
        """Chosen rows only: positions, or a flag for each row."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return replace(self, origin=self.origin.taken(chosen), columns=columns)

    def noted(self, note: str) -> Self:
        """With one more note."""
        return replace(self, notes=(*self.notes, note))

    def with_columns(self, **columns: np.ndarray) -> Self:
        """With columns added or replaced."""
        return replace(self, columns=self.columns | columns)


def as_it_stands(content: Content) -> Content:
    """Rows of a layout that needs no more than its columns' names."""
    return content


def _says_nothing(_: Preview) -> Statement:
    return Statement()


def _never(_: Preview) -> bool:
    return False


def _as_read(table: Any) -> Any:
    return table


def _own_names(preview: Preview) -> tuple[str, ...]:
    return preview.columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One vendor's layout: one row of the table.

    Parameters
    ----------
    name
        As it is stated and shown.
    header
        Columns in lower case, in their order in the file: a file with all of them, and none beside, is of
        this layout; a file without a header has them all.
    kinds
        Header of each of our columns, by kind.
    optional
        Those of ``header`` that some files lack.
    is_headerless
        Whether a file without a header is of this layout.
    is_of
        Whether a file with this header is; the name may tell.
    names
        Names of the columns of a file with a header, where that is not to be taken as it stands.
    decode
        Cells of an Arrow table as text or numbers, where the vendor packs them.
    states
        What its name or its metadata say.
    refine
        The vendor's meaning: contracts to base units, open bars left out.
    exchanges
        ccxt ids whose data it has.
    is_sparse
        Whether a missing row means that nothing was traded.
    is_unordered
        Whether rows may stand in any order.
    stamped
        Which end of a bar its times mean; empty has to be asked for.
    may_mix_units
        Whether its numbers of time may change their unit from row to row.
    has_any_zone
        Whether its times, where they are text without a zone, may be of any.
    has_gaps
        Whether a row without a value is no row, as in files of several series.
    holds_many
        Whether a file may hold rows of many symbols, of which the one that is asked for is taken.
    """

    name: str
    header: tuple[str, ...]
    kinds: Mapping[str, Mapping[str, str]]
    optional: tuple[str, ...] = ()
    is_headerless: Callable[[Preview], bool] = _never
    is_of: Callable[[Preview], bool] = field(default=lambda _: True)
    names: Callable[[Preview], tuple[str, ...]] = _own_names
    decode: Callable[[Any], Any] = _as_read
    states: Callable[[Preview], Statement] = _says_nothing
    refine: Callable[[Content], Content] = as_it_stands
    exchanges: tuple[str, ...] = ()
    is_sparse: bool = False
    is_unordered: bool = False
    stamped: Stamped = "open"
    may_mix_units: bool = False
    has_any_zone: bool = False
    has_gaps: bool = False
    holds_many: Callable[[Preview], bool] = _never

    def has_header_of(self, preview: Preview) -> bool:
        """Whether a file's header has all of this layout's columns."""
        return set(self.header) - set(self.optional) <= set(self.names(preview))
