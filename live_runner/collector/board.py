"""Latest values of the market, merged in memory and written in one step as often as the server keeps up.

A thousand quotes of one symbol within a few milliseconds cost one write: readers want the latest only.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from quant_pipelines.cache import Entry, LiveState

LONGEST_PAUSE_SECONDS = 0.02
_SHORTEST_PAUSE_SECONDS = 0.005
_WRITING_SHARE = 0.5


class Board:
    """Values that wait to be written.

    Parameters
    ----------
    state
        Where they go.
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._values: dict[str, dict[str, Any]] = {}
        self._times: dict[str, int] = {}
        self._changed: set[str] = set()
        self._arrived = asyncio.Event()
        self.counts: Counter[str] = Counter()
        self.slowest_write_ms = 0.0

    def put(self, kind: str, key: str, fields: Mapping[str, Any], at_ms: int) -> None:
        """Merge fields into a value; what is written is the merged value as of the next write.

        Parameters
        ----------
        kind
            What arrived, for the counts.
        key
            Name of the value.
        fields
            JSON values by name; other fields of the value stay.
        at_ms
            When it arrived, milliseconds UTC by our clock.
        """
        self.counts[kind] += 1
        value = self._values.get(key)
        if value is None:
            self._values[key] = dict(fields)
        else:
            value.update(fields)
        self._times[key] = at_ms
        if not self._changed:
            self._arrived.set()
        self._changed.add(key)

    def forget(self, key: str) -> None:
        """Drop a value that nobody follows any more."""
        self._values.pop(key, None)
        self._times.pop(key, None)
        self._changed.discard(key)

    def time_of(self, key: str) -> int | None:
        """When a value was renewed, milliseconds UTC; None before the first time."""
        return self._times.get(key)

    def value_of(self, key: str) -> Mapping[str, Any]:
        """Value as it is now; empty before the first time."""
        return self._values.get(key, {})

    async def flush(self) -> int:
        """Write what has changed; returns how many values that were."""
        changed, self._changed = self._changed, set()
        self._arrived.clear()
        # Copies: a value may change while another one is written.
        entries = [Entry(key, dict(self._values[key]), self._times[key]) for key in changed]
        if entries:
            await self._state.write(entries)
        return len(entries)

    async def run(self) -> None:
        """Write until canceled.

        Between two writes lies a pause as long as the last write, at least 5 ms, at most 20 ms: a fast server
        is served at once, a slow one is not flooded.
        """
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            begun = loop.time()
            await self.flush()
            took = loop.time() - begun
            self.slowest_write_ms = max(self.slowest_write_ms, 1000 * took)
            pause = took * (1 / _WRITING_SHARE - 1)
            await asyncio.sleep(min(max(pause, _SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))
