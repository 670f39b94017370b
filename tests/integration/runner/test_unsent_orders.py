"""An order that a killed runner had committed and never sent is sent once, or denied with the reason."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from quant_pipelines.core.stages import ORDER_STAGES
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.deployments import read_deployments
from quant_pipelines.store.trading import Intent
from quant_pipelines.store.venue_orders import add_order
from tests.integration.runner.minutes import Minutes
from tests.integration.runner.test_venue_stops import N_KNOWN, deploy_at_venue, play, random_bars
from tests.integration.runner.venue_world import HOLD, assert_books_equal, our_fills
from tests.integration.runner.world import execute, rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

NAME = "q1-1-unsent-t"
TOO_LATE = "woke 12.0 s after its decision"
CHANGED = "what is held has changed since its decision"


@pytest.mark.parametrize(
    ("bars_ago", "seconds_ago", "status", "reason"),
    [
        pytest.param(0, 3, "FILLED", "", id="nothing has changed"),
        pytest.param(0, 12, "DENIED", TOO_LATE, id="too late"),
        pytest.param(1, 3, "DENIED", CHANGED, id="filled since"),
    ],
)
def test_unsent_order_at_a_restart(
    *,
    bars_ago: int,
    seconds_ago: int,
    status: str,
    reason: str,
    engine: Engine,
    deploy: Callable[..., int],
    tmp_path: Path,
) -> None:
    bars = random_bars(3, N_KNOWN + 8)
    deploy_at_venue(deploy, bars, "", HOLD)

    async def scenario(played: Minutes) -> None:
        await played.pass_bar()
        await played.book_bars()
        await played.settle()
        await played.die()
        [deployment] = read_deployments(engine, ORDER_STAGES)
        now = from_ms(played.clock())
        decided = now - timedelta(seconds=seconds_ago)
        last_fill = rows(engine, "select max(ts) from trading.fills")[0][0]
        bar_close = last_fill + timedelta(milliseconds=1 - bars_ago)
        intent = Intent(NAME, "buy", Decimal("0.01"), "target", bar_close)
        [(epoch,)] = rows(engine, "select max(id) from trading.epochs")
        add_order(engine, epoch, deployment, intent, decided)
        execute(engine, "update trading.orders set status = 'INITIALIZED' where client_order_id = :n", n=NAME)
        played.open()
        await played.talk()
        query = "select status, reason from trading.orders where client_order_id = :n"
        [(ended, why)] = rows(engine, query, n=NAME)
        assert (ended, why.split(".")[0]) == (status, reason.split(".", maxsplit=1)[0])
        assert len(our_fills(engine)) == 1 + (status == "FILLED")
        assert_books_equal(engine, played.ledger)

    play(engine, tmp_path, bars, scenario)
