"""Funds of accounts in the memory of one process, by the rules that PostgreSQL keeps for the real ones."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from quant_pipelines.store.heartbeats import Alert
from quant_pipelines.trading.funds import Balance, DayBooked, IncomeRow, WalletDay, units_after
from tests.memory_journal import MemoryJournal


class MemoryFunds:
    """`FundsRows` without a server, of journals with one account.

    Parameters
    ----------
    journal
        The books that days are compared with.
    """

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal
        self.balances: list[tuple[datetime, Balance, Decimal]] = []
        self.transfers: dict[str, Decimal] = {}
        self.days: dict[date, WalletDay] = {}

    def newest_at(self, account_id: int) -> datetime | None:
        return self.balances[-1][0] if self.balances else None

    def save_balance(
        self, account_id: int, balance: Balance, flows: Iterable[IncomeRow], at: datetime
    ) -> Decimal:
        fresh = {row.number: row.amount for row in flows if row.number not in self.transfers}
        self.transfers |= fresh
        new = sum(fresh.values(), Decimal(0))
        if not self.balances:
            units = units_after(Decimal(0), balance.margin, Decimal(0))
        else:
            before = self.balances[-1][2]
            units = units_after(before, balance.margin - new, new) if new else before
        self.balances.append((at, balance, units))
        return units

    def day_start_value(self, account_id: int, at: datetime) -> Decimal:
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        known = [(then, balance.margin / units) for then, balance, units in self.balances if units > 0]
        before = [value for then, value in known if then <= midnight]
        return before[-1] if before else known[0][1] if known else Decimal("NaN")

    def peak_value(self, account_id: int) -> Decimal:
        values = [balance.margin / units for _, balance, units in self.balances if units > 0]
        return max(values, default=Decimal(0))

    def due_days(self, account_id: int, today: date) -> list[date]:
        if not self.balances:
            return []
        first = self.balances[0][0].date()
        days = (first + timedelta(days=number) for number in range(1, (today - first).days))
        return [day for day in days if day not in self.days]

    def compare_day(self, account_id: int, day: date, changes: Mapping[str, Decimal], at: datetime) -> str:
        compared = WalletDay(day, self._booked_on(day), changes)
        self.days[day] = compared
        if compared.sentence:
            self._journal.write_alert(Alert("warning", f"account:{account_id}", compared.sentence, at))
        return compared.sentence

    def _booked_on(self, day: date) -> DayBooked:
        tables, start = self._journal.tables, datetime(day.year, day.month, day.day, tzinfo=UTC)
        end = start + timedelta(days=1)
        fills = [fill for _, fill in tables.fills.values() if start <= fill.ts < end]
        income = [row for row in tables.income.values() if start <= row.ts < end]
        paid = [
            sum((row.amount for row in income if row.kind == kind), Decimal(0))
            for kind in ("funding", "insurance")
        ]
        realized = sum((fill.realized_pnl or Decimal(0) for fill in fills), Decimal(0))
        return DayBooked(realized, sum((fill.fee for fill in fills), Decimal(0)), *paid)
