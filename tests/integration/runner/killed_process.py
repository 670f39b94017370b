"""A runner in a process of its own that kills itself with SIGKILL at a chosen statement or commit.

Arguments: database URL, start of the market's clock (ISO), kind (statement, commit or never), text that the
statement contains, how many times it may happen before. The market's clock goes to stdout.
"""

import asyncio
import os
import signal
import sys
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, event

from quant_pipelines.store.engine import connect
from tests.integration.runner.world import KILL_BARS, World, world


class Killer:
    """Dies before the statement, before the commit of its transaction, or right behind that commit."""

    def __init__(self, kind: str, fragment: str, spared: int) -> None:
        self._kind, self._fragment, self._spared = kind, fragment.lower(), spared
        self._is_reached = self._is_committed = False

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "before_cursor_execute", self._on_statement)
        event.listen(engine, "commit", self._on_commit)

    def _on_statement(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self._is_reached and self._kind == "after commit" and self._is_committed:
            self._die()
        if self._fragment in statement.lower():
            self._is_reached = self._spared == 0
            self._spared = max(0, self._spared - 1)
        if self._is_reached and self._kind == "statement":
            self._die()

    def _on_commit(self, _connection: Any) -> None:
        if self._is_reached and self._kind == "commit":
            self._die()
        self._is_committed = self._is_reached

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def tell_time(played: World) -> None:
    """Write the market's clock to stdout whenever it is asked to move."""
    sleep_until = played.time.sleep_until

    async def told(ts_ms: int) -> None:
        await sleep_until(ts_ms)
        sys.stdout.write(f"{played.time.now_ms()}\n")
        sys.stdout.flush()

    setattr(played.time, "sleep_until", told)  # noqa: B010 - the replay's clock of this process only


def main(database_url: str, start: str, kind: str, fragment: str, count: str) -> None:
    engine = connect(database_url)
    if kind != "never":
        Killer(kind, fragment, int(count)).watch(engine)
    played = world(engine, database_url, start=datetime.fromisoformat(start), n_bars=KILL_BARS)
    tell_time(played)
    asyncio.run(played.play())
    sys.stdout.write("finished\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
