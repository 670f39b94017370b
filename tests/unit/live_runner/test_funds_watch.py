"""A balance is taken over once the income explains it: money on its way is neither profit nor loss."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from live_runner.ports.market_time import ExchangeTime
from live_runner.process.funds import FundsWatch
from live_runner.venue.accounts import OrderVenues
from quant_pipelines.core.settings import Settings
from quant_pipelines.risk.account_nav import AccountFunds
from quant_pipelines.store.funds import FundsRows
from quant_pipelines.trading.funds import Balance, IncomeRow, units_after
from tests.unit.live_runner.memory_venue import MemoryVenue

NOW_MS = 1_800_000_000_000
FEE = IncomeRow("COMMISSION:1:", "COMMISSION", NOW_MS, Decimal(-10))
WITHDRAWAL = IncomeRow("TRANSFER:2:", "TRANSFER", NOW_MS, Decimal(-500))


class Venue(MemoryVenue):
    """Has a wallet, and tells the income that a test gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.wallet, self.told = Decimal(1000), list[IncomeRow]()

    async def balance(self) -> Balance:
        return Balance(self.wallet, Decimal(0), Decimal(0), self.wallet)

    async def income(self, start_ms: int, end_ms: int) -> list[IncomeRow]:
        return list(self.told)


class Rows(FundsRows):
    """Counts units; a unit was worth 1 at midnight."""

    def __init__(self) -> None:
        self.units, self.known, self.peak = Decimal(0), set[str](), Decimal(0)

    def newest_at(self, account_id: int) -> datetime | None:
        return None

    def save_balance(
        self, account_id: int, balance: Balance, flows: Iterable[IncomeRow], at: datetime
    ) -> Decimal:
        new = [row for row in flows if row.number not in self.known]
        self.known |= {row.number for row in new}
        flow = sum((row.amount for row in new), Decimal(0))
        if flow or not self.units:
            self.units = units_after(self.units, balance.margin - flow, flow)
        self.peak = max(self.peak, balance.margin / self.units)
        return self.units

    def day_start_value(self, account_id: int, at: datetime) -> Decimal:
        return Decimal(1)

    def peak_value(self, account_id: int) -> Decimal:
        return self.peak

    def due_days(self, account_id: int, today: date) -> list[date]:
        return []

    def compare_day(self, account_id: int, day: date, changes: Mapping[str, Decimal], at: datetime) -> str:
        return ""


def test_a_withdrawal_that_the_income_does_not_tell_yet_is_waited_for() -> None:
    venue, known = Venue(), list[AccountFunds]()

    async def nothing(*_told: object) -> None:
        raise AssertionError(_told)

    async def scenario() -> None:
        venues = OrderVenues(Settings(), lambda _: venue, nothing)
        clock = ExchangeTime(lambda: NOW_MS)
        watch = FundsWatch(Rows(), venues, clock, nothing, lambda _, funds: known.append(funds))
        assert await watch.look(1, venue)
        venue.wallet, venue.told = Decimal(990), [FEE]
        assert await watch.look(1, venue)
        venue.wallet = Decimal(490)
        assert not await watch.look(1, venue)
        venue.told = [FEE, WITHDRAWAL]
        assert await watch.look(1, venue)

    asyncio.run(scenario())
    assert [funds.margin for funds in known] == [1000.0, 990.0, 490.0]
    lost = [funds.since(funds.day_start_value).lost_fraction for funds in known]
    assert [round(fraction, 12) for fraction in lost] == [0.0, 0.01, 0.01]


def test_a_restart_knows_the_most_that_a_unit_was_ever_worth() -> None:
    rows, venue = Rows(), Venue()

    async def nothing(*_told: object) -> None:
        raise AssertionError(_told)

    async def life(wallet: int) -> AccountFunds:
        known = list[AccountFunds]()
        venue.wallet = Decimal(wallet)
        watch = FundsWatch(
            rows,
            OrderVenues(Settings(), lambda _: venue, nothing),
            ExchangeTime(lambda: NOW_MS),
            nothing,
            lambda _, funds: known.append(funds),
        )
        assert await watch.look(1, venue)
        return known[0]

    asyncio.run(life(1_000))
    asyncio.run(life(1_500))
    funds = asyncio.run(life(1_100))
    assert (funds.value, funds.peak_value) == (1.1, 1.5)
