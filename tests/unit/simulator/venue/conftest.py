"""A venue without sockets: two contracts, a flat book, prices played by hand."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quant_pipelines.simulator.queries import Query
from quant_pipelines.simulator.venue.booking import Movement, book_income
from quant_pipelines.simulator.venue.brackets import brackets_of
from quant_pipelines.simulator.venue.contract import Contract
from quant_pipelines.simulator.venue.endpoints import ENDPOINTS, answer
from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.play import DueFunding, play
from quant_pipelines.simulator.venue.state import MarketDepth, Quote, Venue

START_MS = 1_760_000_000_000


def contract(symbol: str, tick: str, lot: str, least_notional: str) -> Contract:
    decimals = [max(0, -int(Decimal(step).as_tuple().exponent)) for step in (tick, lot)]
    return Contract(
        symbol=symbol,
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        price_decimals=decimals[0],
        price_precision=decimals[0],
        quantity_decimals=decimals[1],
        least_quantity=Decimal(lot),
        most_quantity=Decimal(100_000),
        min_notional=Decimal(least_notional),
        highest_multiple=Decimal("1.05"),
        lowest_multiple=Decimal("0.95"),
        market_bound=Decimal("0.05"),
        liquidation_fee=Decimal("0.0125"),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        brackets=brackets_of(symbol),
        trigger_protect=Decimal("0.05"),
    )


CONTRACTS = {
    "BTCUSDT": contract("BTCUSDT", "0.1", "0.001", "100"),
    "DOGEUSDT": contract("DOGEUSDT", "0.00001", "1", "5"),
}


class Desk:
    """What a test says to a venue."""

    def __init__(self, path: Path | str, wallet: str = "10000") -> None:
        self.messages: list[dict[str, Any]] = []
        self.level = Decimal(1_000_000)
        self.levels = 1
        self.away = 1
        self.now_ms = START_MS
        ledger = Ledger(path)
        ledger.publish = self.messages.append
        self.venue = Venue(ledger, CONTRACTS, self.depth)
        if not ledger.account.wallet:
            with ledger.transaction():
                book_income(ledger, Movement("TRANSFER", Decimal(wallet), START_MS))
        self.now_ms = max(START_MS, ledger.played_ms)

    @property
    def ledger(self) -> Ledger:
        return self.venue.ledger

    def depth(self, symbol: str, _ts_ms: int) -> MarketDepth:
        """``levels`` levels of ``level`` lots on each side of the last price, from ``away`` ticks on."""
        last, tick = self.venue.quotes[symbol].last, CONTRACTS[symbol].tick_size
        return MarketDepth(
            [(last - tick * (rank + self.away), self.level) for rank in range(self.levels)],
            [(last + tick * (rank + self.away), self.level) for rank in range(self.levels)],
        )

    def price(
        self,
        symbol: str,
        last: str,
        *,
        mark: str = "",
        traded: str = "",
        rate: str = "",
        after_ms: int = 1000,
    ) -> None:
        self.now_ms += after_ms
        price = Decimal(mark or last)
        quote = Quote(self.now_ms, Decimal(last), price, Decimal(traded) if traded else None)
        due = {symbol: DueFunding(Decimal(rate), price)} if rate else {}
        play(self.venue, self.now_ms, {symbol: quote}, due)

    def call(self, method: str, path: str, **parameters: Any) -> Any:
        version = next(v for v in (1, 3) if (method, f"/fapi/v{v}/{path}") in ENDPOINTS)
        texts = {name: str(value) for name, value in parameters.items()}
        return answer(self.venue, ENDPOINTS[method, f"/fapi/v{version}/{path}"], Query(texts), self.now_ms)

    def order(self, side: str, quantity: str, price: str = "", symbol: str = "BTCUSDT", **more: Any) -> Any:
        limit = {"type": "LIMIT", "price": price, "timeInForce": "GTC"} if price else {"type": "MARKET"}
        wanted = {"symbol": symbol, "side": side, "quantity": quantity, "newOrderRespType": "RESULT"}
        return self.call("POST", "order", **(wanted | limit | more))

    def stop(self, side: str, quantity: str, trigger: str, kind: str = "STOP_MARKET", **more: Any) -> Any:
        wanted = {"symbol": "BTCUSDT", "side": side, "type": kind, "algoType": "CONDITIONAL"}
        if quantity:
            wanted["quantity"] = quantity
        if trigger:
            wanted["triggerPrice"] = trigger
        return self.call("POST", "algoOrder", **(wanted | more))

    def told(self, event: str, field: str = "X") -> list[Any]:
        return [message["o"][field] for message in self.messages if message["e"] == event]

    def close(self) -> None:
        self.ledger.close()


@pytest.fixture
def open_desk() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def opened(path: Path | str = ":memory:", **more: Any) -> Desk:
        desks.append(Desk(path, **more))
        return desks[-1]

    yield opened
    for desk in desks:
        desk.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    desk = open_desk()
    desk.price("BTCUSDT", "60000")
    desk.price("DOGEUSDT", "0.20000")
    return desk
