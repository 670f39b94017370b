"""Processes of runners: started, killed at any moment, started again; and what each of them reaches."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from quant_pipelines.core.errors import StoreError
from tests.faults.network import Life

_STARTS_AGAIN_SECONDS = (0.3, 3.0)
_READS = ("read_", "market")


@dataclass
class Server:
    """What goes wrong with the rows, for every process.

    Attributes
    ----------
    away_until
        Loop's time until which the rows are away.
    """

    chance: random.Random
    rates: dict[str, float]
    fired: Counter[str]
    away_until: float = 0.0

    @property
    def is_away(self) -> bool:
        """Whether nothing is read or written."""
        return asyncio.get_running_loop().time() < self.away_until

    def happens(self, fault: str) -> bool:
        """Whether a fault happens now."""
        rate = self.rates.get(fault, 0.0)
        happens = bool(rate) and self.chance.random() < rate
        self.fired[fault] += happens
        return happens


class Rows:
    """`Journal` as a process reaches it: away with the server, and gone with the process."""

    def __init__(self, journal: Any, server: Server, life: Life) -> None:
        self._journal = journal
        self._server = server
        self._life = life

    def __getattr__(self, name: str) -> Any:
        reached = getattr(self._journal, name)
        if not callable(reached):
            return reached

        def act(*arguments: Any, **named: Any) -> Any:
            if self._life.is_over or self._server.is_away:
                raise StoreError("the database does not answer")
            is_write = not name.startswith(_READS)
            if is_write and self._server.happens("commit_lost"):
                raise StoreError("the connection broke before the commit")
            answer = reached(*arguments, **named)
            if is_write and self._server.happens("commit_unknown"):
                raise StoreError("the connection broke behind the commit")
            return answer

        return act


@dataclass
class Supervisor:
    """Keeps one runner alive, as its supervisor does.

    Parameters
    ----------
    live
        Runs a runner to its end within a life.
    chance
        Decides how long a start takes.

    Attributes
    ----------
    failures
        What ended runners by itself.
    """

    live: Callable[[Life], Awaitable[None]]
    chance: random.Random
    failures: list[BaseException] = field(default_factory=list)
    n_lives: int = 0
    _life: Life = field(default_factory=Life)
    _task: "asyncio.Task[None] | None" = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Live until it is to stop."""
        while not stopping.is_set():
            self._life, self.n_lives = Life(), self.n_lives + 1
            self._task = asyncio.ensure_future(self.live(self._life))  # type: ignore[arg-type]
            await asyncio.wait([self._task])
            error = None if self._task.cancelled() else self._task.exception()
            if error is not None and not self._life.is_over:
                self.failures.append(error)
            self._life.is_over = True
            if not stopping.is_set():
                await asyncio.sleep(self.chance.uniform(*_STARTS_AGAIN_SECONDS))

    async def kill(self) -> None:
        """End the process where it stands: nothing that it still does reaches anybody."""
        task, self._life.is_over = self._task, True
        while task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=1.0)
