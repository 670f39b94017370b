"""Bars of trades, made block by block: what is held grows with the bars, not with the trades."""

import numpy as np

from quant_pipelines.archive.columns import Columns
from quant_pipelines.archive.layouts.layout import Content
from quant_pipelines.archive.origin import Origin
from quant_pipelines.core.arrays import IntArray
from quant_pipelines.core.timeframes import from_ms, timeframe_ms


class TradedBars:
    """Bars that trades make; a bar without a trade is none.

    Parameters
    ----------
    first
        First block of a file: its direction in time is that of the file.
    is_unordered
        Whether the file's trades may stand in any order.
    """

    def __init__(self, first: Content, *, is_unordered: bool) -> None:
        self._asked = first.asked
        self._is_unordered = is_unordered
        self._is_newest_first = first.origin.is_turned and not is_unordered
        self._parts: list[Columns] = []
        self._notes: dict[str, None] = {}
        self._path = first.origin.path
        self._edge: int | None = None

    def add(self, content: Content) -> None:
        """Add a block: ``ts``, ``price`` and ``quantity`` (base units) in order of time.

        Raises
        ------
        DataError
            If its trades are not after those of the block before.
        """
        if not self._is_unordered:
            self._require_after(content)
        step = timeframe_ms(self._asked.timeframe)
        self._parts.append(_part(content, content.ts // step * step, len(self._parts)))
        self._notes |= dict.fromkeys(content.notes)

    def _require_after(self, content: Content) -> None:
        first, last = (-1, 0) if self._is_newest_first else (0, -1)
        gone = 0 if self._edge is None else int(content.ts[first]) - self._edge
        is_back = gone > 0 if self._is_newest_first else gone < 0
        if is_back or (content.origin.is_turned and not self._is_newest_first):
            raise content.origin.fault("ts", content.ts[first], first, "a time in order with the rows before")
        self._edge = int(content.ts[last])

    def content(self) -> Content:
        """Bars of all blocks, each block's share of a bar joined with the others'."""
        parts = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        block = -parts["block"] if self._is_newest_first else parts["block"]
        by_first = np.lexsort((block, parts["first_ts"], parts["ts"]))
        by_last = np.lexsort((block, parts["last_ts"], parts["ts"]))
        opens = parts["ts"][by_first]
        start = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
        end = np.append(start[1:], opens.size) - 1
        columns: Columns = {
            "ts": opens[start],
            "open": parts["open"][by_first][start],
            "high": np.maximum.reduceat(parts["high"][by_first], start),
            "low": np.minimum.reduceat(parts["low"][by_first], start),
            "close": parts["close"][by_last][end],
        }
        for name in ("volume", "quote_volume", "trades"):
            columns[name] = np.add.reduceat(parts[name][by_first], start)
        rows = parts["row"][by_first][start]
        edges = (int(parts["first_ts"].min()), int(parts["last_ts"].max()))
        first, last = (f"{from_ms(ts):%Y-%m-%d %H:%M:%S}" for ts in edges)
        made = f"made of {int(columns['trades'].sum())} trades from {first} to {last}"
        note = f"{made}: the bars at both ends are as whole as these"
        return Content(Origin(self._path, kept=rows), columns, self._asked, (*self._notes, note))


def _part(content: Content, opens: IntArray, block: int) -> Columns:
    """Bars of one block; ``first_ts`` and ``last_ts`` order them with the same bars of others."""
    ts, price, quantity = (content.columns[name] for name in ("ts", "price", "quantity"))
    first = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    last = np.append(first[1:], ts.size) - 1
    return {
        "block": np.full(first.size, block),
        "row": np.array([content.origin.number(int(index)) for index in first]),
        "ts": opens[first],
        "first_ts": ts[first],
        "last_ts": ts[last],
        "open": price[first],
        "high": np.maximum.reduceat(price, first),
        "low": np.minimum.reduceat(price, first),
        "close": price[last],
        "volume": np.add.reduceat(quantity, first),
        "quote_volume": np.add.reduceat(price * quantity, first),
        "trades": (last - first + 1).astype(np.float64),
    }
