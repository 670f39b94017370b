"""Funds of accounts: snapshots with units, money that came or left, days beside the venue's wallet."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert
from quant_pipelines.store.tables import (
    accounts,
    balances,
    deployments,
    fills,
    income,
    transfers,
    wallet_days,
)
from quant_pipelines.trading.funds import Balance, DayBooked, IncomeRow, WalletDay, units_after

_KINDS = ("funding", "insurance")


class FundsRows(Protocol):
    """The port to the rows of funds; `StoreError` while they are away."""

    def newest_at(self, account_id: int) -> datetime | None:
        """Time of the newest snapshot; None before the first."""

    def save_balance(
        self, account_id: int, balance: Balance, flows: Iterable[IncomeRow], at: datetime
    ) -> Decimal:
        """Store a snapshot; transfers that are new buy or sell units with it. Returns the units now."""

    def day_start_value(self, account_id: int, at: datetime) -> Decimal:
        """Read what a unit was worth at 00:00 UTC, quote; of an account that began later, at first."""

    def peak_value(self, account_id: int) -> Decimal:
        """Read the most that a unit was ever worth, quote; 0 before the first snapshot."""

    def due_days(self, account_id: int, today: date) -> list[date]:
        """Days that ended since the first whole one of the account, and were not compared yet."""

    def compare_day(self, account_id: int, day: date, changes: Mapping[str, Decimal], at: datetime) -> str:
        """Store how a day of the books differs from the venue's wallet, and tell people of a rest.

        Returns the sentence that they are told; empty when there is no rest.
        """


class Snapshot(NamedTuple):
    """Funds of an account at a time, and its units."""

    at: datetime
    balance: Balance
    units: Decimal


def newest_balance(connection: Connection, account_id: int) -> Snapshot | None:
    """Newest snapshot of an account; None before the first."""
    columns = balances.c
    query = select(balances).where(columns.account_id == account_id).order_by(columns.at.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Snapshot(row.at, Balance(row.wallet, row.unrealized, row.maintenance, row.available), row.units)


def _save_transfers(connection: Connection, account_id: int, flows: Iterable[IncomeRow]) -> Decimal:
    """Store transfers, and return the sum of those that were not stored before."""
    rows = [
        {"account_id": account_id, "number": row.number, "ts": from_ms(row.ts_ms), "amount": row.amount}
        for row in flows
    ]
    if not rows:
        return Decimal(0)
    query = upsert(transfers).values(rows).on_conflict_do_nothing().returning(transfers.c.amount)
    return sum(connection.execute(query).scalars(), Decimal(0))


def booked_on(connection: Connection, account_id: int, day: date) -> DayBooked:
    """Read what the books of an account say that a UTC day changed."""
    start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    end, own = start + timedelta(days=1), deployments.c.account_id == account_id
    profit = func.coalesce(func.sum(func.coalesce(fills.c.realized_pnl, 0)), 0)
    sums = select(profit, func.coalesce(func.sum(fills.c.fee), 0))
    of_fills = sums.join(deployments).where(own, fills.c.ts >= start, fills.c.ts < end)
    realized, fees = connection.execute(of_fills).one()
    of_income = (
        select(income.c.kind, func.sum(income.c.amount))
        .join(deployments)
        .where(own, income.c.ts >= start, income.c.ts < end)
        .group_by(income.c.kind)
    )
    paid = {kind: amount for kind, amount in connection.execute(of_income)}  # noqa: C416 - rows are no pairs
    return DayBooked(realized, fees, *(paid.get(kind, Decimal(0)) for kind in _KINDS))


def _save_day(connection: Connection, account_id: int, compared: WalletDay, at: datetime) -> None:
    """Store the comparison of a day."""
    row = {
        "account_id": account_id,
        "day": compared.day,
        "booked": compared.booked.total,
        "at_venue": compared.at_venue,
        "rest": {kind: str(amount) for kind, amount in compared.rest.items()},
        "compared_at": at,
    }
    connection.execute(insert(wallet_days).values(row))


class PostgresFunds:
    """`FundsRows` of the product database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest_at(self, account_id: int) -> datetime | None:
        """Time of the newest snapshot; None before the first."""
        with transaction(self._engine) as connection:
            newest = newest_balance(connection, account_id)
        return None if newest is None else newest.at

    def save_balance(
        self, account_id: int, balance: Balance, flows: Iterable[IncomeRow], at: datetime
    ) -> Decimal:
        """Store a snapshot; an account that begins has as many units as its net asset value."""
        with transaction(self._engine) as connection:
            before = newest_balance(connection, account_id)
            new = _save_transfers(connection, account_id, flows)
            if before is None:
                units = units_after(Decimal(0), balance.margin, Decimal(0))
            else:
                units = units_after(before.units, balance.margin - new, new) if new else before.units
            row = {"account_id": account_id, "at": at, "units": units, **balance._asdict()}
            connection.execute(upsert(balances).values(row).on_conflict_do_nothing())
        return units

    def day_start_value(self, account_id: int, at: datetime) -> Decimal:
        """Read the newest snapshot before the day, else its first one; NaN without any."""
        midnight, columns = at.replace(hour=0, minute=0, second=0, microsecond=0), balances.c
        query = select((columns.wallet + columns.unrealized) / columns.units).where(
            columns.account_id == account_id, columns.units > 0
        )
        before = query.where(columns.at <= midnight).order_by(columns.at.desc()).limit(1)
        first = query.where(columns.at > midnight).order_by(columns.at).limit(1)
        with transaction(self._engine) as connection:
            found = connection.execute(before).scalar_one_or_none()
            if found is None:
                found = connection.execute(first).scalar_one_or_none()
        return Decimal("NaN") if found is None else Decimal(found)

    def peak_value(self, account_id: int) -> Decimal:
        """Read it from all snapshots: the rows know it whatever has restarted since."""
        columns = balances.c
        query = select(func.max((columns.wallet + columns.unrealized) / columns.units)).where(
            columns.account_id == account_id, columns.units > 0
        )
        with transaction(self._engine) as connection:
            highest = connection.execute(query).scalar_one_or_none()
        return Decimal(0) if highest is None else Decimal(highest)

    def due_days(self, account_id: int, today: date) -> list[date]:
        """Days to compare, oldest first."""
        begun = select(func.min(balances.c.at)).where(balances.c.account_id == account_id)
        compared = select(wallet_days.c.day).where(wallet_days.c.account_id == account_id)
        with transaction(self._engine) as connection:
            first_at: datetime | None = connection.execute(begun).scalar_one()
            done = set(connection.execute(compared).scalars())
        if first_at is None:
            return []
        first = first_at.date()
        days = (first + timedelta(days=number) for number in range(1, (today - first).days))
        return [day for day in days if day not in done]

    def compare_day(self, account_id: int, day: date, changes: Mapping[str, Decimal], at: datetime) -> str:
        """Compare and store a day, with its alert, at once."""
        with transaction(self._engine) as connection:
            compared = WalletDay(day, booked_on(connection, account_id, day), changes)
            _save_day(connection, account_id, compared, at)
            if compared.sentence:
                add_alert(connection, Alert("warning", f"account:{account_id}", compared.sentence, at))
        return compared.sentence


def newest_funds(connection: Connection) -> list[dict[str, Any]]:
    """Newest funds of every account that has some, as ``status`` shows them."""
    names = connection.execute(select(accounts.c.id, accounts.c.name).order_by(accounts.c.id)).all()
    found = [(name, newest_balance(connection, number)) for number, name in names]
    return [_shown(name, snapshot) for name, snapshot in found if snapshot is not None]


def _shown(name: str, snapshot: Snapshot) -> dict[str, Any]:
    balance, units = snapshot.balance, snapshot.units
    return {
        "account": name,
        "at": snapshot.at,
        "wallet": float(balance.wallet),
        "unrealized": float(balance.unrealized),
        "available": float(balance.available),
        "margin_usage": float(balance.margin_usage),
        "unit_value": float(balance.margin / units) if units else None,
    }
