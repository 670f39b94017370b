"""A process that waits for a strategy's text: started ahead, or one in which another text has loaded well.

To start one and to import what strategies need takes half a second of a processor.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

from quant_pipelines.core.errors import StrategyMissed
from quant_pipelines.sandbox.life import Life

_IDLE_SECONDS = 30.0


class Spares:
    """At most one process that waits, and not for long: it holds memory.

    Parameters
    ----------
    start
        Starts one.
    idle_seconds
        How long it waits.
    """

    def __init__(self, start: Callable[[], Life], idle_seconds: float = _IDLE_SECONDS) -> None:
        self._start = start
        self._idle_seconds = idle_seconds
        self._busy = threading.Lock()
        self._waiting: Life | None = None
        self._is_closed = False

    def warm(self) -> None:
        """Start one ahead; where that fails, whoever needs one tries again."""
        with suppress(StrategyMissed):
            self.put(self._start())

    def take(self) -> Life:
        """Take the one that waits, or a new one.

        Raises
        ------
        StrategyMissed
            If none can be started.
        """
        with self._busy:
            found, self._waiting = self._waiting, None
        if found is None:
            return self._start()
        if found.child.poll() is None:
            return found
        found.end()
        return self._start()

    def put(self, process: Life) -> None:
        """Let one wait; it is ended where another one does."""
        with self._busy:
            if self._waiting is None and not self._is_closed:
                self._waiting = process
                timer = threading.Timer(self._idle_seconds, self._drop, (process,))
                timer.daemon = True
                timer.start()
                return
        process.end()

    def close(self) -> None:
        """End the one that waits; none does from then on."""
        with self._busy:
            self._is_closed = True
            found, self._waiting = self._waiting, None
        if found is not None:
            found.end()

    def _drop(self, process: Life) -> None:
        with self._busy:
            if self._waiting is not process:
                return
            self._waiting = None
        process.end()
