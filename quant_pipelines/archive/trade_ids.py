"""Trades that stand twice in a file: their numbers say so."""

from typing import Any

import numpy as np

from quant_pipelines.archive.cells import Cells
from quant_pipelines.core.errors import DataError

_EMPTY: Any = ""


class TradeIds:
    """Numbers of a file's trades, as far as they are held: those of a block, and of the first one.

    A file that was joined with itself begins again somewhere, so its first trades come again.
    """

    def __init__(self) -> None:
        self._first: Any = None

    def require_new(self, cells: Cells) -> None:
        """Prove that no trade of a block stands twice in it, or was in the first one.

        Raises
        ------
        DataError
            Naming the first that does.
        """
        import pyarrow.compute as pc  # noqa: PLC0415 - only files need it

        if "trade_id" not in cells.texts:
            return
        ids = cells.texts["trade_id"]
        known: Any = pc.not_equal(pc.fill_null(ids, ""), _EMPTY)  # some vendors leave them empty
        held = ids.filter(known)
        if pc.count_distinct(held).as_py() < len(held):
            _, first = np.unique(ids.to_numpy(zero_copy_only=False), return_index=True)
            repeats = np.setdiff1d(np.flatnonzero(known.to_numpy(zero_copy_only=False)), first)
            raise _twice(cells, ids, int(repeats[0]))
        if self._first is None:
            self._first = held
        else:
            again: Any = pc.is_in(ids, value_set=self._first)
            for index in np.flatnonzero(again.to_numpy(zero_copy_only=False)):
                raise _twice(cells, ids, int(index))


def _twice(cells: Cells, ids: Any, index: int) -> DataError:
    return cells.origin.fault("trade", repr(ids[index].as_py()), index, "each trade once")
