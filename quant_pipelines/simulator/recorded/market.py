"""The recorded market as it is known at a moment: recorded bars, and a bootstrap of them after their end.

Inside, time is recorded time; wall time is turned into it at the door and back again.
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.simulator.intervals import GRIDS
from quant_pipelines.simulator.listing import Listing
from quant_pipelines.simulator.ports import Second
from quant_pipelines.simulator.processes import stream
from quant_pipelines.simulator.recorded.anchor import RecordedAnchor
from quant_pipelines.simulator.recorded.continuation import Continuation, Draw
from quant_pipelines.simulator.recorded.minute import MinutePath, bar_until, play_minute, second_of
from quant_pipelines.simulator.recorded.recording import Recorded, Recording
from quant_pipelines.simulator.recorded.tables import EMPTY, Table, joined, rolled_up
from quant_pipelines.simulator.seconds import CLOSE

_MINUTE_STREAM = 6
_PATHS_KEPT = 256
_TABLES_KEPT = 512


class RecordedMarket:
    """Market of an archive; see ``MarketPort``.

    Parameters
    ----------
    recording
        What was recorded.
    anchor
        When it is played.
    """

    def __init__(self, recording: Recording, anchor: RecordedAnchor) -> None:
        self.anchor = anchor
        self._symbols = recording.symbols
        self._listings = {name: one.listing for name, one in recording.symbols.items()}
        self._positions = {name: position for position, name in enumerate(recording.symbols)}
        span = recording.minute_span()
        self._after = {name: _continuation(one, anchor.seed, span) for name, one in self._symbols.items()}
        self._closed = lru_cache(maxsize=_TABLES_KEPT)(self._make_closed)
        self._path = lru_cache(maxsize=_PATHS_KEPT)(self._make_path)
        self._first_ms = min(
            int(table.ts[0]) for one in self._symbols.values() for table in one.bars.values()
        )

    @property
    def seed(self) -> int:
        """See ``MarketPort``."""
        return self.anchor.seed

    @property
    def first_ms(self) -> int:
        """See ``MarketPort``."""
        return self._first_ms + self.anchor.shift_ms

    @property
    def listings(self) -> Mapping[str, Listing]:
        """See ``MarketPort``."""
        return self._listings

    def listed_ms(self, name: str) -> int:
        """See ``MarketPort``."""
        first = min(int(table.ts[0]) for table in self._symbols[name].bars.values())
        return first + self.anchor.shift_ms

    def first_bar_ms(self, name: str, step_ms: int) -> int:
        """See ``MarketPort``; now or later if there is none."""
        table = self._closed(name, step_ms)
        first = int(table.ts[0]) if len(table.ts) else self._symbols[name].end_ms
        return first + self.anchor.shift_ms

    def is_trading(self, name: str, now_ms: int) -> bool:
        """Whether a symbol has 1-minute bars, and the first of them has opened."""
        one = self._symbols[name]
        return one.base_ms == MINUTE_MS and now_ms - self.anchor.shift_ms >= int(one.base.ts[0])

    def ends_ms(self, _name: str) -> None:
        """No end: what was recorded is played over and over."""
        return

    def bars(
        self, name: str, step_ms: int, *, first_ms: int, last_ms: int, now_ms: int
    ) -> tuple[IntArray, FloatArray]:
        """See ``MarketPort``; an interval that the archive can't make has no bars."""
        shift = self.anchor.shift_ms
        now, first = now_ms - shift, -(-(first_ms - shift) // step_ms) * step_ms
        open_slot = now // step_ms * step_ms
        last = min(last_ms - shift, open_slot)
        parts = [self._closed_between(name, step_ms, first, min(last + 1, open_slot))]
        if first <= open_slot <= last and self.is_trading(name, now_ms):
            parts.append(self._open_bar(name, step_ms, now))
        table = joined(*parts)
        return table.ts + shift, table.rows

    def second(self, name: str, now_ms: int) -> Second:
        """See ``MarketPort``; in a minute without a bar nothing trades."""
        now = now_ms - self.anchor.shift_ms
        path = self._path(name, now // MINUTE_MS * MINUTE_MS)
        if path is None:
            return Second(self._last_close(name, now), 0.0, 0, 0.5)
        return second_of(path, now % MINUTE_MS // 1000, self._listings[name])

    def price(self, name: str, at_ms: int) -> float:
        """Last traded price at a moment."""
        return self.second(name, at_ms).price

    def minute_price(self, name: str, at_ms: int) -> float | None:
        """Close of the last bar that had closed by then, of any length; None before the first."""
        at = at_ms - self.anchor.shift_ms
        one = self._symbols[name]
        if at > int(one.base.ts[0]):
            return self._last_close(name, at)
        known = []
        for step, table in one.bars.items():
            position = table.last_before(at - step + 1)
            if position >= 0:
                known.append((int(table.ts[position]) + step, float(table.rows[position, CLOSE])))
        return max(known)[1] if known else None

    def _base_between(self, name: str, first: int, end: int) -> Table:
        return joined(self._symbols[name].base.between(first, end), self._after[name].bars(first, end))

    def _closed_between(self, name: str, step: int, first: int, end: int) -> Table:
        """Bars that open in ``[first, end)``; all of them are closed."""
        one = self._symbols[name]
        if step % one.base_ms or end <= first:
            return EMPTY
        recorded = self._closed(name, step).between(first, end)
        boundary = max(first, one.end_ms // step * step)
        last_end = -(-end // step) * step
        if last_end <= boundary:
            return recorded
        later = self._base_between(name, boundary, last_end)
        per_bar = step // one.base_ms
        return joined(recorded, later if per_bar == 1 else rolled_up(later, step, per_bar=per_bar))

    def _make_closed(self, name: str, step: int) -> Table:
        """Make the recorded bars of a length: the file's own, around them the roll-ups of shorter ones."""
        one = self._symbols[name]
        own = one.bars.get(step, EMPTY)
        own = own.between(0, one.end_ms - step + 1)
        shorter = [other for other in GRIDS.values() if other < step and step % other == 0]
        source = next((other for other in reversed(shorter) if len(self._closed(name, other).ts)), None)
        if source is None:
            return own
        rolled = rolled_up(self._closed(name, source), step, per_bar=step // source)
        if not len(own.ts):
            return rolled
        first, last = int(own.ts[0]), int(own.ts[-1])
        return joined(rolled.between(0, first), own, rolled.between(last + 1, one.end_ms))

    def _open_bar(self, name: str, step: int, now: int) -> Table:
        slot, minute = now // step * step, now // MINUTE_MS * MINUTE_MS
        parts = [self._base_between(name, slot, minute)]
        path = self._path(name, minute)
        if path is not None:
            row = self._base_between(name, minute, minute + MINUTE_MS).rows[0]
            so_far = bar_until(path, now % MINUTE_MS // 1000, row, self._listings[name])
            parts.append(Table(np.array([minute], dtype=np.int64), so_far))
        return rolled_up(joined(*parts), step)

    def _make_path(self, name: str, minute: int) -> MinutePath | None:
        rows = self._base_between(name, minute, minute + MINUTE_MS).rows
        if not len(rows):
            return None
        rng = stream(self.anchor.seed, self._positions[name], minute // MINUTE_MS, _MINUTE_STREAM)
        return play_minute(rng, rows[0], self._listings[name])

    def _last_close(self, name: str, at: int) -> float:
        """Close of the last of the shortest bars that had closed by then."""
        one = self._symbols[name]
        end = at - one.base_ms + 1  # a bar that opens before this has closed
        if end > one.end_ms:
            for back in (1, 24, 24 * 30):
                later = self._after[name].bars(end - back * 3_600_000, end)
                if len(later.ts):
                    return float(later.rows[-1, CLOSE])
        return float(one.base.rows[max(one.base.last_before(end), 0), CLOSE])


def _continuation(one: Recorded, seed: int, span: Window) -> Continuation:
    own = Window(int(one.base.ts[0]), one.end_ms)
    has_all = own.start_ms <= span.start_ms and span.end_ms <= own.end_ms
    return Continuation(
        one.base,
        one.base_ms,
        price_decimals=one.listing.price_decimals,
        draw=Draw(seed, span if has_all else own),
    )
