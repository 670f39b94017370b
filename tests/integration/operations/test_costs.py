"""``quant data costs``: own fills beside the decision's price and the bar's volume."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.exchange import BarRows
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.tables import epochs, fills, intents, signals

pytestmark = pytest.mark.postgres
BTC, EXCHANGE = "BTC/USDT:USDT", "binanceusdm"
QUANTITIES = (1.0, -4.0, 9.0, 16.0)
MANY = QUANTITIES * 8
Quant = Callable[..., tuple[int, Any, str]]


def traded(world: Any, quantities: Sequence[float], *, has_bars: bool = True) -> None:
    """Orders in two parts that paid 2 bps, and 10 bps times the root of their share of the volume."""
    world.market()
    deployment_id = int(world.deployment())
    start = world.now - timedelta(minutes=40)
    start -= timedelta(milliseconds=to_ms(start) % MINUTE_MS)
    if has_bars:
        ts = np.arange(to_ms(start) - MINUTE_MS, to_ms(start) + 40 * MINUTE_MS, MINUTE_MS)
        price, count = np.full(ts.size, 100.0), np.ones(ts.size, dtype=np.int64)
        rows = BarRows(ts, price, price, price, price, price, price, count)
        upsert_bars(world.engine, Series(EXCHANGE, BTC, "1m"), rows)
    with world.engine.begin() as connection:
        writer = insert(epochs).values(writer="test", started_at=start).returning(epochs.c.id)
        epoch = connection.execute(writer).scalar_one()
        for at, quantity in enumerate(quantities):
            close, side = start + timedelta(minutes=at), "buy" if quantity > 0 else "sell"
            decided = {"deployment_id": deployment_id, "bar_close": close}
            signal = {"target": 1.0, "price": 100.0, "decision": {}, "decided_at": close}
            connection.execute(insert(signals).values(decided | signal))
            order = {"client_order_id": f"q{at}", "symbol": BTC, "side": side}
            sent = {"order_type": "market", "purpose": "target", "epoch": epoch, "committed_at": close}
            connection.execute(insert(intents).values(decided | order | sent | {"quantity": abs(quantity)}))
            paid = np.sign(quantity) * (2.0 + 10.0 * np.sqrt(abs(quantity) / 100.0)) / 1e4
            for part, off in enumerate((-0.001, 0.001)):
                fill = {"venue": "paper", "trade_id": f"{at}-{part}", "deployment_id": deployment_id}
                money = {"quantity": abs(quantity) / 2, "price": 100.0 * (1.0 + paid) + off, "fee": 0}
                times = {"ts": close, "booked_at": close, "reason": "target"}
                connection.execute(insert(fills).values(order | fill | money | times))


def test_costs_are_estimated_from_whole_orders(world: Any, quant: Quant) -> None:
    traded(world, MANY)
    code, document, _ = quant("data", "costs")
    assert code == 0
    (row,) = document["costs"]
    assert (row["venue"], row["symbol"], row["orders"], row["unusable"]) == ("paper", BTC, 32, 0)
    assert row["slippage_bps"] == pytest.approx(2.0, abs=1e-6)
    assert row["impact_bps"] == pytest.approx(10.0, abs=1e-6)
    assert row["settings"] == {"slippage_bps": 2.0, "spread_bps": 0.0, "impact_bps": 10.0}
    assert document["declared"]["slippage_bps"] == 1.0


def test_a_few_orders_are_counted_beside_how_many_it_takes(
    world: Any, quant: Quant, capfd: pytest.CaptureFixture[str]
) -> None:
    traded(world, QUANTITIES)
    (row,) = quant("data", "costs")[1]["costs"]
    assert row == {"venue": "paper", "symbol": BTC, "orders": 4, "unusable": 0, "needed": 30}
    assert main(["data", "costs"]) == 0
    assert f"paper {BTC}: 4 usable orders; an estimate needs 30\n" in capfd.readouterr().out


def test_orders_whose_bars_are_not_stored_are_counted(world: Any, quant: Quant) -> None:
    traded(world, MANY, has_bars=False)
    (row,) = quant("data", "costs", BTC)[1]["costs"]
    assert (row["orders"], row["unusable"]) == (32, 32)
    assert "slippage_bps" not in row


def test_without_fills_there_is_nothing_to_tell(world: Any, quant: Quant) -> None:
    assert quant("data", "costs")[1]["costs"] == []
