"""Live state in the memory of one process."""

from collections.abc import Sequence

from quant_pipelines.cache.ports import Entry


class MemoryState:
    """`LiveState` in a dictionary."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    async def write(self, entries: Sequence[Entry]) -> None:
        """Replace the values of these keys."""
        self.put(entries)

    async def read(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Values of those keys that have one."""
        return {key: self._entries[key] for key in keys if key in self._entries}

    def put(self, entries: Sequence[Entry]) -> None:
        """Replace the values of these keys, at once."""
        self._entries.update((entry.key, entry) for entry in entries)

    def entries(self) -> list[Entry]:
        """Everything that is held."""
        return list(self._entries.values())
