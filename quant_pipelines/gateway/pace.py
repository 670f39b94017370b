"""How many requests a caller may make: a bucket of tokens each, in this process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

_MOST_CALLERS = 10_000


class _Bucket(NamedTuple):
    tokens: float
    at: float


class CallerPace:
    """Buckets by caller; the caller that was quiet for longest is forgotten first.

    Parameters
    ----------
    seconds
        Monotonic time.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = Lock()

    def wait_of(self, caller: str, per_minute: float, burst: float) -> float:
        """Take one token; seconds until there is one where there is none, else 0."""
        now = self._seconds()
        with self._lock:
            before = self._buckets.pop(caller, _Bucket(burst, now))
            tokens = min(burst, before.tokens + (now - before.at) * per_minute / 60)
            is_let_in = tokens >= 1
            self._buckets[caller] = _Bucket(tokens - is_let_in, now)
            if len(self._buckets) > _MOST_CALLERS:
                self._buckets.popitem(last=False)
        return 0.0 if is_let_in else (1 - tokens) * 60 / per_minute
