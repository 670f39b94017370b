"""What a proof of processes tells: one line for each round, and a last one of JSON."""

import json
import sys
import time
from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.errors import StoreError
from tests.integration.runner.venue_world import Ledger, assert_books_equal
from tests.integration.runner.world import rows
from tests.processes.stage import Stage

COVERED_SECONDS = 2.0
"""How long what is held may be without a stop at the venue."""
SENT_SECONDS = 3.0
"""How long what was committed before may still arrive at the venue: a stamp is good for two of them."""


class Round(NamedTuple):
    """One fault: how long it stood, seconds from its end to a runner with equal books, what was violated."""

    fault: str
    away_seconds: float
    back_seconds: float
    violations: tuple[str, ...] = ()

    def say(self) -> None:
        """Write a line."""
        sys.stdout.write(
            f"{self.fault:<45} away {self.away_seconds:5.1f} s, books agree {self.back_seconds:5.1f} s later"
            f"{''.join(f'; {one}' for one in self.violations)}\n"
        )
        sys.stdout.flush()


def watched(stage: Stage, seconds: float, *, may_open: bool) -> tuple[str, ...]:
    """Watch the venue so long, while minutes end: what is held stays covered, and nothing is opened."""
    begun, n_orders, uncovered = time.monotonic(), -1, 0.0
    skipped, longest = False, 0.0
    while (now := time.monotonic() - begun) < seconds:
        if stage.agreement.is_covered():
            uncovered = now
        longest = max(longest, now - uncovered)
        if now > SENT_SECONDS and n_orders < 0:
            n_orders = stage.n_orders()
        if now > SENT_SECONDS and not skipped:
            stage.skip_minute()
            skipped = True
        time.sleep(0.05)
    found = list[str]()
    if longest > COVERED_SECONDS:
        found.append(f"what was held had no stop for {longest:.1f} s")
    if not may_open and n_orders >= 0 and (more := stage.n_orders() - n_orders):
        found.append(f"{more} orders were sent while the database was away")
    return tuple(found)


def broken(engine: Engine, ledger: Ledger) -> list[str]:
    """What does not hold at the end: equal books, one order an intent, one filled target a bar."""
    found = list[str]()
    try:
        assert_books_equal(engine, ledger)
    except (AssertionError, ValueError) as error:
        found.append(f"the books differ: {error}")
    sent = Counter(
        name for (name,) in ledger.select("select client_id from orders where client_id like 'q%'")
    )
    found += [f"order {name} was sent {times} times" for name, times in sent.items() if times > 1]
    known = {name for (name,) in rows(engine, "select client_order_id from trading.intents")}
    found += [f"order {name} has no intent" for name in sent.keys() - known]
    doubled = (
        "select deployment_id, bar_close from trading.intents join trading.orders using (client_order_id) "
        "where purpose = 'target' and filled_quantity > 0 group by 1, 2 having count(*) > 1"
    )
    return found + [f"deployment {one} traded {close} twice" for one, close in rows(engine, doubled)]


def told(stage: Stage, rounds: list[Round], **more: Any) -> dict[str, Any]:
    """Document of the last line."""
    violations = [f"{one.fault}: {what}" for one in rounds for what in one.violations]
    violations += broken(stage.engine, stage.agreement.ledger)
    slowest = max((one.back_seconds for one in rounds), default=0.0)
    return {
        "rounds": len(rounds),
        "fills": stage.n_fills(),
        "lives": stage.n_lives(),
        "slowest_seconds": round(slowest, 2),
        **more,
        "violations": violations,
    }


def finish(document: dict[str, Any]) -> None:
    """Write the last line; the exit code is 1 where something was violated."""
    sys.stdout.write(f"{json.dumps(document, default=_text)}\n")
    if document["violations"]:
        sys.exit(1)


def is_away(stage: Stage) -> bool:
    """Whether the database does not answer."""
    try:
        rows(stage.engine, "select 1")
    except (StoreError, OSError):
        return True
    return False


def _text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
