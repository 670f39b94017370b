"""Late decisions are taken beside each other: one whose stream is silent keeps no other from its own."""

import asyncio
from types import SimpleNamespace
from typing import Any

from live_runner.process.late import LateDecisions
from tests.integration.runner.replay import ReplayTime
from tests.unit.live_runner.test_following import until


class Stream:
    """A feed that is silent about one symbol."""

    async def fresh_word(self, symbol: str) -> None:
        if symbol == "SILENT":
            await asyncio.Event().wait()

    def age_seconds(self, _symbol: str) -> float:
        return 1.0


def test_a_silent_symbol_keeps_no_other_from_deciding() -> None:
    decided, stopped = list[str](), list[tuple[str, str]]()

    async def attempt(source: str, work: Any) -> str | None:
        await work
        return "it broke" if source == "BROKEN" else None

    async def stop(trader: Any, failure: str) -> None:
        stopped.append((trader.key, failure))

    def trader(name: str) -> Any:
        return SimpleNamespace(symbol=name, key=name, decide_late=lambda *_: decided.append(name))

    async def scenario() -> None:
        late = LateDecisions(Stream(), ReplayTime(0, 0), attempt, stop)  # type: ignore[arg-type]
        running = asyncio.create_task(late.run())
        for name in ("SILENT", "A", "BROKEN", "B"):
            late.put(trader(name))
        async with asyncio.timeout(10):
            await until(lambda: len(decided) == 3 and stopped)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())
    assert (sorted(decided), stopped) == (["A", "B", "BROKEN"], [("BROKEN", "it broke")])
