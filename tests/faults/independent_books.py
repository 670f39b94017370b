"""Fills, positions and payments by the second reading of the invariants: I2 and I3."""

from collections import defaultdict
from decimal import Decimal
from typing import Any, NamedTuple

from quant_pipelines.simulator.venue.records import FillRecord, IncomeRecord
from tests.faults.evidence import VENUES_OWN, Findings

_ZERO = Decimal(0)
_ROUNDED = Decimal("1e-8")


class _Trade(NamedTuple):
    """What must be the same of a fill in both books."""

    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    ts_ms: int
    order: str | None


class _Held(NamedTuple):
    """A position by average cost."""

    quantity: Decimal = _ZERO
    entry_price: Decimal = _ZERO
    profit: Decimal = _ZERO
    n_fills: int = 0
    traded: Decimal = _ZERO

    def after(self, fill: Any) -> "_Held":
        """The same behind a fill."""
        change, n_fills = signed(fill.side, fill.quantity), self.n_fills + 1
        traded = self.traded + fill.quantity * fill.price
        quantity = self.quantity + change
        if self.quantity * change >= 0:
            cost = self.quantity * self.entry_price + change * fill.price
            return _Held(quantity, cost / quantity if quantity else _ZERO, self.profit, n_fills, traded)
        closed = min(abs(self.quantity), abs(change)).copy_sign(self.quantity)
        profit = self.profit + closed * (fill.price - self.entry_price)
        has_turned = quantity * self.quantity < 0
        return _Held(quantity, fill.price if has_turned else self.entry_price, profit, n_fills, traded)


class IndependentBooks(Findings):
    """Compares our books with the ledger, both ways."""

    def compare_trades(self) -> None:
        """I2: what is booked happened, to the last digit; what crosses between books sums to zero."""
        theirs = self._theirs_by_trade()
        for trade, parts in self._ours_by_trade().items():
            if trade.startswith("internal-"):
                net = sum((one.signed_quantity for one in parts), _ZERO)
                if net or len({one.price for one in parts}) > 1 or any(one.fee for one in parts):
                    self.violated("I2", f"{trade} does not cross: {parts}")
                continue
            booked = _Trade(
                parts[0].side,
                sum((one.quantity for one in parts), _ZERO),
                parts[0].price,
                sum((one.fee for one in parts), _ZERO),
                round(parts[0].ts.timestamp() * 1000),
                parts[0].client_order_id,
            )
            if len({(one.side, one.price, one.ts, one.client_order_id) for one in parts}) > 1:
                self.violated("I2", f"parts of {trade} differ: {parts}")
            if booked != theirs.get(trade):
                self.violated("I2", f"{trade} is booked as {booked}, and was {theirs.get(trade)}")

    def compare_positions(self) -> None:
        """I3: each book's position is the sum of its fills."""
        tables, sums = self.evidence.journal.tables, defaultdict[int, Decimal](Decimal)
        for key, fill in tables.fills.values():
            sums[key] += fill.signed_quantity
        held = {key: one.quantity for (key, _), one in tables.positions.items()}
        for key in sums.keys() | held.keys():
            if sums[key] != held.get(key, _ZERO):
                self.violated("I3", f"book {key} holds {held.get(key)}, and its fills sum to {sums[key]}")

    def compare_profits(self) -> None:
        """I3: entry price and profit of each book follow from its fills, by average cost.

        A venue rounds each profit to eight digits, and a share of one again, so each fill may differ by that;
        and it reckons profit by the net of all books: what differs by less than 1e-8 of what was traded is
        booked as the venue's.
        """
        tables, replayed = self.evidence.journal.tables, defaultdict[int, _Held](_Held)
        for key, fill in tables.fills.values():
            replayed[key] = replayed[key].after(fill)
        for (key, _), row in tables.positions.items():
            held = replayed[key]
            allowed = _ROUNDED * (1 + held.n_fills)
            of_the_net = _ROUNDED * held.traded if self.evidence.is_shared else _ZERO
            if abs(held.profit - row.realized_pnl) > allowed + of_the_net:
                self.violated("I3", f"book {key} has earned {row.realized_pnl}; by its fills {held.profit}")
            if row.quantity and abs(held.entry_price - row.entry_price) > allowed:
                self.violated(
                    "I3", f"book {key} entered at {row.entry_price}; by its fills {held.entry_price}"
                )

    def find_trades(self) -> None:
        """I2, I3 at rest: the other direction; what somebody did by hand is theirs."""
        ours, by_hand = self._ours_by_trade(), self.evidence.fills_of_others()
        for number, trade in self._theirs_by_trade().items():
            if number not in ours and number not in by_hand:
                self.violated("I2", f"trade {number} is not booked: {trade}")
        theirs = sum((signed(one.side.lower(), one.quantity) for one in by_hand.values()), _ZERO)
        booked = sum((one.quantity for one in self.evidence.journal.tables.positions.values()), _ZERO)
        if booked + theirs != self.evidence.held():
            self.violated("I3", f"{booked} is booked, {theirs} by hand, {self.evidence.held()} at the venue")

    def find_payments(self) -> None:
        """I3 at rest: the wallet is the sum of its rows, and ours are the same; not where a hand traded."""
        rows = self.evidence.ledger.store.select(IncomeRecord)
        total = sum((one.amount for one in rows), _ZERO)
        if total != self.evidence.ledger.account.wallet:
            self.violated("I3", f"the wallet is {self.evidence.ledger.account.wallet}, its rows {total}")
        if self.evidence.fills_of_others():
            return
        theirs, ours = defaultdict[str, Decimal](Decimal), defaultdict[str, Decimal](Decimal)
        for row in rows:
            slot = f" of {row.ts_ms // 1000}" if row.kind == "FUNDING_FEE" else ""
            theirs[row.kind + slot] += row.amount
        for _, fill in self.evidence.journal.tables.fills.values():
            ours["COMMISSION"] -= fill.fee
            ours["REALIZED_PNL"] += fill.realized_pnl or _ZERO
        for paid in self.evidence.journal.tables.income.values():
            slot = f"FUNDING_FEE of {paid.ts.timestamp():.0f}"
            ours[slot if paid.kind == "funding" else "INSURANCE_CLEAR"] += paid.amount
        for kind in (theirs.keys() | ours.keys()) - {"TRANSFER"}:
            if theirs[kind] != ours[kind]:
                self.violated("I3", f"{kind} is {ours[kind]} in our books, {theirs[kind]} at the venue")

    def _ours_by_trade(self) -> dict[str, list[Any]]:
        trades = defaultdict[str, list[Any]](list)
        for _, fill in self.evidence.journal.tables.fills.values():
            trades[fill.trade_id].append(fill)
        return trades

    def _theirs_by_trade(self) -> dict[str, _Trade]:
        names = {one.number: one.client_id for one in self.evidence.orders()}
        return {
            str(one.number): _Trade(
                one.side.lower(),
                one.quantity,
                one.price,
                one.fee,
                one.ts_ms,
                None if names[one.order_number].startswith(VENUES_OWN) else names[one.order_number],
            )
            for one in self.evidence.ledger.store.select(FillRecord)
        }


def signed(side: str, quantity: Decimal) -> Decimal:
    """Change of a position, base."""
    return quantity if side == "buy" else -quantity
