"""What an account did in a year, as tables: lots, fees, funding, each with its value and price at the time.

A record, and no tax advice. Money on paper and money at a venue are accounts of their own, and never meet.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine

from quant_pipelines.core.bounds import ROW_ID
from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import DataError, LifecycleError
from quant_pipelines.core.timeframes import from_ms, to_ms
from quant_pipelines.pnl import ClosedLot, LotFill, MatchedLots, MatchOrder, OpenLot, exact, match_lots
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.statement_rows import (
    AccountRow,
    ClosePrice,
    account_fills,
    account_payments,
    closes_before,
    read_accounts,
    years_of,
)

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "lots": (
        *("account", "venue", "symbol", "side", "opened_at", "closed_at", "holding_days", "quantity"),
        *("open_price", "close_price", "cost", "proceeds", "fees", "realized_gain", "currency"),
        *("opened_by", "closed_by"),
    ),
    "open_lots": (
        *("account", "venue", "symbol", "side", "opened_at", "quantity", "open_price", "fees"),
        *("price", "price_at", "value", "unrealized_gain", "currency", "opened_by"),
    ),
    "fees": (
        *("account", "venue", "at", "deployment", "strategy", "symbol", "trade_id", "side", "quantity"),
        *("price", "price_at", "notional", "fee", "value", "currency"),
    ),
    "funding": (
        *("account", "venue", "at", "deployment", "strategy", "symbol", "kind", "position"),
        *("price", "price_at", "price_of", "notional", "amount", "value", "currency"),
    ),
}
"""Files of a statement, and what each row of them says; money in the account's currency."""


class AccountStatement(NamedTuple):
    """An account's year: rows by file, as `COLUMNS` names them."""

    account: AccountRow
    tables: Mapping[str, list[dict[str, Any]]]

    @property
    def told(self) -> str:
        """One sentence."""
        counts = ", ".join(f"{len(rows)} {name.replace('_', ' ')}" for name, rows in self.tables.items())
        gain = sum((row["realized_gain"] for row in self.tables["lots"]), Decimal(0))
        one = self.account
        return f"account:{one.id} at {one.venue}: {counts}; realized gain {float(gain):.8g} {one.currency}"


class _Year(NamedTuple):
    number: int
    start: datetime
    end: datetime


def year_statement(
    engine: Engine,
    clock: Clock,
    *,
    year: int,
    account_id: int | None = None,
    order: MatchOrder = "fifo",
) -> list[AccountStatement]:
    """Read what accounts did in a year (UTC); of one that is not over, what they did by now.

    Lots are matched for each symbol of an account over all of its books, from its first fill on; what two of
    its books traded with each other is no fill of the account.

    Parameters
    ----------
    engine
        Product database.
    clock
        Time of the look.
    year
        Such as 2026.
    account_id
        Which one; None is every account that traded in that year.
    order
        Which lot is closed first.

    Raises
    ------
    LifecycleError
        If the account is unknown, or nothing was filled or paid in that year.
    DataError
        If it traded what is settled in another currency than its own: no rate between them is stored.
    """
    if account_id is not None and (fault := ROW_ID.fault("account", account_id)):
        raise LifecycleError(fault)
    now = clock_time(clock)
    end = datetime(year + 1, 1, 1, tzinfo=UTC)
    wanted = _Year(year, datetime(year, 1, 1, tzinfo=UTC), min(end, now))
    with transaction(engine) as connection:
        accounts = read_accounts(connection, account_id)
        if not accounts:
            raise LifecycleError(f"account:{account_id} does not exist; expected the id of an account")
        years = {one: years_of(connection, one) for one in accounts}
        if not any(year in known for known in years.values()):
            known = sorted({one for found in years.values() for one in found})
            expected = f"one of {', '.join(map(str, known))}" if known else "a year with fills; there is none"
            raise LifecycleError(f"nothing was filled or paid in {year}; expected {expected}")
        return [_statement(connection, one, wanted, order) for one, found in years.items() if year in found]


def _statement(
    connection: Connection, account: AccountRow, year: _Year, order: MatchOrder
) -> AccountStatement:
    fills = account_fills(connection, account, year.end)
    payments = account_payments(connection, account, year.start, year.end)
    for symbol in sorted({row.symbol for row in (*fills, *payments)}):
        _require_currency(account, symbol)
    matched = _matched(fills, order)
    closes = closes_before(connection, account, year.end)
    own = {"account": account.name, "venue": account.venue, "currency": account.currency}
    start_ms = to_ms(year.start)
    tables = {
        "lots": [
            own | _lot(symbol, lot)
            for symbol, lots in matched.items()
            for lot in lots.closed
            if lot.closed_ms >= start_ms
        ],
        "open_lots": [
            own | _open_lot(symbol, lot, closes.get(symbol))
            for symbol, lots in matched.items()
            for lot in lots.open
        ],
        "fees": [own | _fee(row) for row in fills if row.fee and row.at_ms >= start_ms],
        "funding": [own | _funding(row) for row in payments],
    }
    tables["lots"].sort(key=lambda row: (row["closed_at"], row["symbol"], row["opened_at"]))
    return AccountStatement(account, tables)


def _matched(fills: Iterable[Any], order: MatchOrder) -> dict[str, MatchedLots]:
    by_symbol: dict[str, list[LotFill]] = defaultdict(list)
    for row in fills:
        if not row.is_internal:
            signed = row.quantity if row.side == "buy" else -row.quantity
            by_symbol[row.symbol].append(LotFill(row.at_ms, signed, row.price, row.fee, row.deployment_id))
    return {symbol: match_lots(by_symbol[symbol], order) for symbol in sorted(by_symbol)}


def _require_currency(account: AccountRow, symbol: str) -> None:
    quote = symbol.partition("/")[2].partition(":")[0]
    if quote != account.currency:
        raise DataError(
            f"{symbol} is settled in {quote}, and account:{account.id} is kept in {account.currency}; "
            "expected the same: no rate between them is stored"
        )


def _lot(symbol: str, lot: ClosedLot) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "side": lot.side,
        "opened_at": from_ms(lot.opened_ms),
        "closed_at": from_ms(lot.closed_ms),
        "holding_days": lot.holding_days,
        "quantity": lot.quantity,
        "open_price": lot.open_price,
        "close_price": lot.close_price,
        "cost": lot.cost,
        "proceeds": lot.proceeds,
        "fees": lot.fees,
        "realized_gain": lot.gain,
        "opened_by": lot.opened_by,
        "closed_by": lot.closed_by,
    }


def _open_lot(symbol: str, lot: OpenLot, last: ClosePrice | None) -> dict[str, Any]:
    """Return what is held at the end, at the last close; without one at the price that it was opened at."""
    price, at = last or ClosePrice(lot.price, from_ms(lot.opened_ms))
    with exact():
        value, gain = lot.quantity * price, lot.quantity * (price - lot.price) - lot.fee
    return {
        "symbol": symbol,
        "side": "long" if lot.quantity > 0 else "short",
        "opened_at": from_ms(lot.opened_ms),
        "quantity": abs(lot.quantity),
        "open_price": lot.price,
        "fees": lot.fee,
        "price": price,
        "price_at": at,
        "value": value,
        "unrealized_gain": gain,
        "opened_by": lot.opened_by,
    }


def _fee(row: Any) -> dict[str, Any]:
    with exact():
        notional = row.quantity * row.price
    names = ("strategy", "symbol", "trade_id", "side", "quantity", "price", "fee")
    told = {"at": row.ts, "price_at": row.ts, "deployment": row.deployment_id, "value": row.fee}
    return told | {name: getattr(row, name) for name in names} | {"notional": notional}


def _funding(row: Any) -> dict[str, Any]:
    """Return a payment with the price that it was reckoned on, as far as it is stored."""
    mark = _mark_of(row.slots or (), row.at_ms)
    price, at, of = row.price, row.price_at, "close before it"
    if mark is not None:
        price, at, of = mark, row.ts, "mark price"
    told = None if price is None else Decimal(repr(price))
    with exact():
        notional = None if told is None or row.position is None else row.position * told
    return {
        "at": row.ts,
        "deployment": row.deployment_id,
        "strategy": row.strategy,
        "symbol": row.symbol,
        "kind": row.kind,
        "position": row.position,
        "notional": notional,
        "price": told,
        "price_at": at,
        "price_of": "" if told is None else of,
        "amount": row.amount,
        "value": row.amount,
    }


def _mark_of(slots: Sequence[Sequence[Any]], at_ms: int) -> float | None:
    """Mark price of the slot at a time, of a bar's slots: time, rate, mark, last price."""
    return next((slot[2] for slot in slots if slot[0] == at_ms and slot[2] is not None), None)
