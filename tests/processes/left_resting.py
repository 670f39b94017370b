"""PostgreSQL is frozen while orders of a strategy rest at the venue: they go before anything may fill them.

    python -m tests.processes.left_resting

Nothing can be committed then, so nothing can be covered: what a fill would open had no stop of its own until
the rows are back.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.processes.outcome import Round, finish, told
from tests.processes.stage import Stage, staged
from tests.processes.waiting import trade_until, wait_until

RESTS = '''
from quant_pipelines.sdk import Bars, Desk, EventStrategy, Float, Stops


class Rests(EventStrategy):
    """A limit and a stop far away, which stand for as long as nobody takes them back."""

    order_kinds = ("limit", "stop_market")
    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        if not desk.orders:
            desk.limit(0.2, desk.price * 0.9)
            desk.stop_market(0.2, desk.price * 1.1)
'''
WITHIN_SECONDS = 14.0
"""How soon nothing may open any more: a silent session is given up after ten, and looked at every two."""
_OPENING = (
    "select client_id from orders where status in ('NEW', 'PARTIALLY_FILLED') and client_id like 'q%' "
    "union all select client_id from algo_orders where status = 'NEW' and client_id like 'q%'"
)


def freeze(stage: Stage) -> Round:
    """Freeze the database while both rest, until the venue has neither; then let it go on."""
    stage.start()
    ledger = stage.agreement.ledger
    trade_until(stage, lambda: len(ledger.select(_OPENING)) == 2)
    begun = time.monotonic()
    stage.server.freeze()
    try:
        wait_until(lambda: not ledger.select(_OPENING), WITHIN_SECONDS, is_needed=False)
        left, away = ledger.select(_OPENING), time.monotonic() - begun
    finally:
        stage.server.thaw()
    back = time.monotonic()
    trade_until(stage, lambda: len(ledger.select(_OPENING)) == 2)  # it is asked again, and hangs them anew
    found = (f"{len(left)} orders that may open stood {away:.0f} s after the freeze",) if left else ()
    return Round("frozen while orders rest", away, time.monotonic() - back, found)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder), source=RESTS) as stage:
        try:
            round_ = freeze(stage)
        except BaseException:
            sys.stderr.write(stage.explain())
            raise
        round_.say()
        document = told(stage, [round_])
    finish(document)


if __name__ == "__main__":
    main()
