"""Keeps a log short: a warning that repeats itself is told once a minute, with how often it was held back."""

import logging
import re
from collections import Counter

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_WHOSE = frozenset({"source", "deployment", "symbol", "retry_seconds"})
_NUMBER = re.compile(r"\d+")
_PAUSE_SECONDS = 60.0
_MOST_KINDS = 1_000


class Sparing(logging.Filter):
    """Lets a warning through once a minute, with the number of times that it was held back.

    Two warnings are the same if they differ in the deployment, and in numbers inside an error, at most.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[tuple[str, ...], float] = {}
        self._held: Counter[tuple[str, ...]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if record.levelno != logging.WARNING:
            return True
        key = _kind_of(record)
        if record.created - self._told.get(key, -_PAUSE_SECONDS) < _PAUSE_SECONDS:
            self._held[key] += 1
            return False
        if len(self._told) >= _MOST_KINDS:
            self._told.clear()
        self._told[key] = record.created
        if held := self._held.pop(key, 0):
            record.repeated = held
        return True


def _kind_of(record: logging.LogRecord) -> tuple[str, ...]:
    more = {name: str(value) for name, value in vars(record).items() if name not in _STANDARD | _WHOSE}
    more |= {name: _NUMBER.sub("", more[name]) for name in ("error",) if name in more}
    return (record.name, record.getMessage(), *(f"{name}={value}" for name, value in sorted(more.items())))
