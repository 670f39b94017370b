"""Compares the venue's ledger with the runner's journal, and knows nothing of the runner.

Each rule is one of the invariants: I1 an intent before every order, I2 the same fills, I3 the same position
and wallet, I5 one order for each intent, I6 no position without a covering stop or an exit, I7 no state goes
back.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.records import AlgoOrder, FillRecord, IncomeRecord, Order
from quant_pipelines.trading.orders import FOLLOWERS
from quant_pipelines.trading.purposes import EXITS, INTERNAL_PREFIX
from tests.memory_journal import MemoryJournal

_COVERED_WITHIN_MS = 2_000
_LEFT_WITHIN_MS = 1_500
"""How long after that an exit may take to be intended: a last look at the venue, and the answers to it."""
_ENDED = {"FILLED", "CANCELED", "REJECTED", "EXPIRED", "DENIED"}


class Violation(NamedTuple):
    """Which invariant is broken, and how."""

    invariant: str
    what: str


@dataclass
class Examiner:
    """Looks after every event; what it finds it finds once.

    Parameters
    ----------
    ledger
        The venue's.
    journal
        The runner's.
    market_id
        The one symbol that is traded, as the venue calls it.
    now_ms
        The venue's time.
    """

    ledger: Ledger
    journal: MemoryJournal
    market_id: str
    now_ms: Callable[[], int]
    found: dict[Violation, int] = field(default_factory=dict)
    _naked_since_ms: int | None = None
    _n_log: int = 0
    _seen: dict[str, tuple[str, Decimal]] = field(default_factory=dict)

    def forget(self) -> None:
        """Begin anew, as if nothing had been seen yet."""
        self.found, self._seen, self._n_log, self._naked_since_ms = {}, {}, 0, None

    def look(self) -> None:
        """Check what must hold at every moment."""
        self._intents_came_first()
        self._no_fill_is_invented()
        self._is_covered()
        self._states_go_on()

    def look_at_rest(self) -> None:
        """Check what must hold once everybody has had time."""
        self.look()
        ours, theirs = self._our_fills(), self._their_fills()
        for trade_id in sorted(theirs.keys() - ours.keys(), key=int):
            self._violated("I2", f"fill {trade_id} is not booked: {theirs[trade_id]}")
        held = sum((one.quantity for one in self.journal.tables.positions.values()), Decimal(0))
        if held != self._held():
            self._violated("I3", f"position is {held} in the journal and {self._held()} at the venue")
        fills = [fill for _, fill in self.journal.tables.fills.values()]
        booked = sum(((fill.realized_pnl or Decimal(0)) - fill.fee for fill in fills), Decimal(0))
        booked += sum(row.amount for row in self.journal.tables.income.values())
        wallet = sum(row.amount for row in self.ledger.store.select(IncomeRecord) if row.kind != "TRANSFER")
        if booked != wallet:
            self._violated("I3", f"wallet changed by {booked} in the journal and {wallet} at the venue")
        for name, order in self.journal.tables.orders.items():
            if order.progress.status in ("SUBMITTED", "UNKNOWN", "INITIALIZED"):
                self._violated("I10", f"order {name} is still {order.progress.status}")
            if order.progress.status in ("REJECTED", "DENIED") and self._filled_at_venue(name):
                self._violated("I7", f"order {name} is {order.progress.status} and was filled")

    def _intents_came_first(self) -> None:
        names = defaultdict[str, list[int]](list)
        for order in self.ledger.store.select(Order):
            if not order.algo:
                names[order.client_id].append(order.number)
        for algo in self.ledger.store.select(AlgoOrder):
            names[algo.client_id].append(algo.number)
        for name, numbers in names.items():
            if name not in self.journal.tables.orders:
                self._violated("I1", f"order {name} has no intent")
            if len(numbers) > 1:
                self._violated("I5", f"intent {name} has {len(numbers)} orders at the venue")

    def _no_fill_is_invented(self) -> None:
        theirs = self._their_fills()
        crossed = defaultdict[str, Decimal](Decimal)
        for _, one in self.journal.tables.fills.values():
            if one.trade_id.startswith(INTERNAL_PREFIX):
                crossed[one.trade_id] += one.signed_quantity * one.price + one.fee
        for trade_id, cash in crossed.items():
            if cash:
                self._violated("I2", f"cross {trade_id} of two books leaves {cash}; expected nothing")
        for trade_id, fill in self._our_fills().items():
            if theirs.get(trade_id) != fill:
                self._violated("I2", f"fill {trade_id} is {fill}; the venue has {theirs.get(trade_id)}")

    def _is_covered(self) -> None:
        held, now = self._held(), self.now_ms()
        side = "SELL" if held > 0 else "BUY"
        stops = [
            algo
            for algo in self.ledger.algos.values()
            if algo.symbol == self.market_id and algo.kind == "STOP_MARKET" and algo.side == side
        ]
        if not held or any(stop.close_position or stop.quantity >= abs(held) for stop in stops):
            self._naked_since_ms = None
            return
        if self._is_leaving():
            self._naked_since_ms = now  # an exit that comes to nothing gives as long again
            return
        since = self._naked_since_ms = self._naked_since_ms or now
        if now - since <= _COVERED_WITHIN_MS + _LEFT_WITHIN_MS:
            return
        self._violated("I6", f"{held} is held without a stop since {since}")

    def _is_leaving(self) -> bool:
        orders = self.journal.tables.orders.values()
        return any(one.intent.purpose in EXITS and one.progress.status not in _ENDED for one in orders)

    def _states_go_on(self) -> None:
        log = self.journal.tables.log
        for table, key, row in log[self._n_log :]:
            if table != "orders":
                continue
            (status, filled), _, _ = row
            before, had = self._seen.get(key[0], ("", Decimal(0)))
            goes_on = not before or status == before or status in FOLLOWERS[before]  # type: ignore[index]
            if not goes_on or filled < had:
                self._violated("I7", f"order {key[0]} went from {before} {had} to {status} {filled}")
            self._seen[key[0]] = status, filled
        self._n_log = len(log)

    def _held(self) -> Decimal:
        position = self.ledger.positions.get(self.market_id)
        return position.quantity if position is not None else Decimal(0)

    def _our_fills(self) -> dict[str, tuple[str, Decimal, Decimal, Decimal]]:
        """The venue's trades as we booked them, the parts of several books added up."""
        found: dict[str, tuple[str, Decimal, Decimal, Decimal]] = {}
        for _, one in self.journal.tables.fills.values():
            if not one.trade_id.startswith(INTERNAL_PREFIX):
                _, quantity, _, fee = found.get(one.trade_id, ("", Decimal(0), Decimal(0), Decimal(0)))
                found[one.trade_id] = (one.side, quantity + one.quantity, one.price, fee + one.fee)
        return found

    def _their_fills(self) -> dict[str, tuple[str, Decimal, Decimal, Decimal]]:
        fills = self.ledger.store.select(FillRecord)
        return {str(one.number): (one.side.lower(), one.quantity, one.price, one.fee) for one in fills}

    def _filled_at_venue(self, name: str) -> bool:
        return any(one.client_id == name and one.filled for one in self.ledger.store.select(Order))

    def _violated(self, invariant: str, what: str) -> None:
        self.found.setdefault(Violation(invariant, what), self.now_ms())
