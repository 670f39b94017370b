"""Where a venue tells no liquidation price, margin and brackets make one; without them nobody knows it."""

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from live_runner.venue.liquidation_price import LiquidationPrices
from quant_pipelines.core.errors import ExchangeUnavailable
from quant_pipelines.trading.execution import Bracket
from quant_pipelines.trading.funds import Balance
from quant_pipelines.trading.venue import AccountPosition
from tests.unit.live_runner.memory_venue import MemoryVenue

RICH, POOR = Decimal(1200), Decimal(100)


@dataclass
class Account(MemoryVenue):
    """An account that maintains so much for others beside ten units at a mark of 100."""

    margin: Decimal = POOR
    others: Decimal = Decimal(0)
    rows: tuple[Bracket, ...] = (Bracket(0.0, 0.02),)
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def balance(self) -> Balance:
        self.asked.append("balance")
        if self.failure is not None:
            raise self.failure
        return Balance(self.margin + 50, Decimal(-50), Decimal(20) + self.others, Decimal(0))

    async def brackets(self, symbol: str) -> tuple[Bracket, ...]:
        self.asked.append("brackets")
        return self.rows


def held(quantity: str = "10", **told: Decimal | None) -> AccountPosition:
    return AccountPosition("BTC", Decimal(quantity), mark_price=Decimal(100))._replace(**told)  # type: ignore[arg-type]


def price_of(venue: MemoryVenue, position: AccountPosition) -> tuple[float | None, str]:
    prices = LiquidationPrices(venue)
    price = asyncio.run(prices.completed(position)).liquidation_price
    return None if price is None else float(price), prices.fault


@pytest.mark.parametrize(
    ("venue", "position", "price"),
    [
        (Account(), held("0"), None),
        (Account(), held(liquidation_price=Decimal(93)), 93.0),
        (Account(), held(), (1000 - 100) / 9.8),
        (Account(), held("-10"), (1000 + 100) / 10.2),
        (Account(margin=Decimal(150), others=Decimal(50)), held(), (1000 - 100) / 9.8),
        (Account(margin=RICH), held(), None),
        (Account(margin=RICH), held("-10"), (1000 + 1200) / 10.2),
        (Account(margin=RICH), held(isolated_margin=POOR), (1000 - 100) / 9.8),
        (Account(margin=Decimal(-1500)), held("-10"), 100.0),
    ],
)
def test_the_price_is_the_venues_or_computed(
    venue: Account, position: AccountPosition, price: float | None
) -> None:
    assert price_of(venue, position) == (price and pytest.approx(price), "")


@pytest.mark.parametrize(
    ("venue", "position", "words"),
    [
        (Account(rows=()), held(), "0 brackets"),
        (Account(), held(mark_price=None), "nan"),
        (Account(failure=ExchangeUnavailable("-1008 overloaded")), held(), "-1008 overloaded"),
        (Account(failure=TimeoutError()), held("-10"), "did not answer in time"),
    ],
)
def test_a_price_that_nobody_knows_is_a_fault(venue: Account, position: AccountPosition, words: str) -> None:
    price, fault = price_of(venue, position)
    assert price is None
    assert fault.startswith("the venue tells no liquidation price, and it can't be computed: ")
    assert words in fault


def test_a_price_counts_for_a_while_as_long_as_the_position_is_the_same() -> None:
    venue = Account()

    async def scenario() -> None:
        prices = LiquidationPrices(venue)
        for quantity in ("10", "10", "9"):
            assert (await prices.completed(held(quantity))).liquidation_price
        assert venue.asked == ["brackets", "balance", "balance"]
        venue.failure = ExchangeUnavailable("away")
        await prices.completed(held("8"))
        assert prices.fault
        venue.failure = None
        await prices.completed(held("8"))
        assert not prices.fault

    asyncio.run(scenario())
