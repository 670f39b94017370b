"""Compares the venue's ledger with the runner's journal, and knows nothing of the runner.

Each rule is one of the invariants: I1 an intent before every order, I2 the same fills, I3 the same position
and wallet, I5 one order for each intent, I6 no position without a covering stop or an exit, I7 no state goes
back, I10 everything ends. What is sent is in ``sending.py``, what is decided in ``decisions.py``.
"""

from collections import Counter, defaultdict
from decimal import Decimal

from quant_pipelines.simulator.venue.records import FillRecord, IncomeRecord
from quant_pipelines.store.trading import Intent
from quant_pipelines.trading.orders import FOLLOWERS, has_unproven_end, is_late
from quant_pipelines.trading.purposes import ENTRIES, EXITS, INTERNAL_PREFIX, number_of
from quant_pipelines.trading.wished import RESTS
from tests.faults.evidence import BY_HAND, VENUES_OWN, Evidence, Findings, Violation
from tests.faults.requests import Asked

_COVERED_WITHIN_MS = 2_000
_LEFT_WITHIN_MS = 1_500
"""How long after that an exit may take to be intended.

The runner counts its 2 s from the first try of a stop. Before that lie the way of an answer (40 ms; while one
is lost the world is hindered) and the threads in which order and fill are booked, behind it the last look at
the venue, which has 1.0 s (a stop that a lost answer hides must not be closed twice), and those that commit
the intent: some ten threads together, of each of which a world tells up to 50 ms late.
"""
_LONGEST_PAUSE_MS = 60_000
"""What the venue refuses to close is tried again after 2 s and then ever later, up to this."""
_DECIDED_WITHIN_MS = 150_000
"""How old the newest booked bar of what trades by the minute may be: with one that is late."""
_ENDED = {"FILLED", "CANCELED", "REJECTED", "EXPIRED", "DENIED"}
_WAITING = {"ACCEPTED"}


class Examiner:
    """Looks after every event; what it finds it finds once.

    Parameters
    ----------
    evidence
        What it reads.

    Attributes
    ----------
    moves
        How often each status followed another.
    longest_naked_ms
        Longest time that a position was neither covered nor being closed.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.moves = Counter[tuple[str, str]]()
        self.longest_naked_ms = 0
        self._findings = Findings(evidence)
        self._naked_since_ms: int | None = None
        self._n_log = 0
        self._n_exits = 0
        self._exit_pause_ms = 0
        self._seen: dict[str, tuple[str, Decimal]] = {}
        self._numbered = set[str]()

    @property
    def found(self) -> dict[Violation, int]:
        """Violations with their times, milliseconds UTC."""
        return self._findings.found

    def look(self) -> None:
        """Check what must hold at every moment."""
        self._intents_came_first()
        self._no_fill_is_invented()
        self._is_covered()
        self._states_go_on()

    def look_at_order(self, asked: Asked) -> None:
        """Nothing: an order is looked at where it has arrived."""

    def look_at_rest(self) -> None:
        """Check what must hold once everybody has had time."""
        self.look()
        self._fills_are_booked()
        self._books_are_equal()
        self._orders_have_ended()
        self._lives()

    def _violated(self, invariant: str, what: str) -> None:
        self._findings.violated(invariant, what)

    def _intents_came_first(self) -> None:
        names, known = defaultdict[str, list[int]](list), self.evidence.journal.tables.orders
        for order in self.evidence.orders():
            if not order.algo and not order.client_id.startswith((*VENUES_OWN, BY_HAND)):
                names[order.client_id].append(order.number)
        for algo in self.evidence.conditional_orders():
            names[algo.client_id].append(algo.number)
        for name, numbers in names.items():
            if name not in known:
                self._violated("I1", f"order {name} has no intent")
            if len(numbers) > 1:
                self._violated("I5", f"intent {name} has {len(numbers)} orders at the venue")

    def _no_fill_is_invented(self) -> None:
        theirs = self.evidence.their_fills()
        crossed = defaultdict[str, Decimal](Decimal)
        for _, one in self.evidence.journal.tables.fills.values():
            if one.trade_id.startswith(INTERNAL_PREFIX):
                crossed[one.trade_id] += one.signed_quantity * one.price + one.fee
        for trade_id, cash in crossed.items():
            if cash:
                self._violated("I2", f"cross {trade_id} of two books leaves {cash}; expected nothing")
        for trade_id, fill in self.evidence.our_fills().items():
            if theirs.get(trade_id) != fill:
                self._violated("I2", f"fill {trade_id} is {fill}; the venue has {theirs.get(trade_id)}")

    def _is_covered(self) -> None:
        held, now = self.evidence.held(), self.evidence.now_ms()
        side = "SELL" if held > 0 else "BUY"
        stops = [
            algo
            for algo in self.evidence.levels()
            if algo.symbol == self.evidence.market_id and algo.kind == "STOP_MARKET" and algo.side == side
        ]
        if not held or any(stop.close_position or stop.quantity >= abs(held) for stop in stops):
            self._naked_since_ms = None
            return
        if self._is_leaving() or self.evidence.is_hindered() or self.evidence.fills_of_others():
            self._naked_since_ms = now  # an exit that comes to nothing gives as long again
            return
        since = self._naked_since_ms = now if self._naked_since_ms is None else self._naked_since_ms
        self.longest_naked_ms = max(self.longest_naked_ms, now - since)
        if now - since > _COVERED_WITHIN_MS + _LEFT_WITHIN_MS + self._exit_pause_ms:
            self._violated("I6", f"{held} is held without a stop since {since}")

    def _is_leaving(self) -> bool:
        """Whether an exit works, or was tried since the last look: one that is refused may be over by now."""
        orders = self.evidence.journal.tables.orders.values()
        exits = [one.progress.status for one in orders if one.intent.purpose in EXITS]
        is_new, self._n_exits = len(exits) > self._n_exits, len(exits)
        n_refused = next((n for n, status in enumerate(reversed(exits)) if status != "REJECTED"), len(exits))
        self._exit_pause_ms = min(2_000 * 2**n_refused, _LONGEST_PAUSE_MS) if n_refused else 0
        return is_new or any(status not in _ENDED for status in exits)

    def _states_go_on(self) -> None:
        log = self.evidence.journal.tables.log
        for table, key, row in log[self._n_log :]:
            if table != "orders":
                continue
            (status, filled), number, _ = row
            before, had = self._seen.get(key[0], ("", Decimal(0)))
            goes_on = not before or status == before or status in FOLLOWERS[before]  # type: ignore[index]
            goes_on |= bool(number) and key[0] not in self._numbered and is_late(before, status)  # type: ignore[arg-type]
            self._numbered |= {key[0]} if number else set()
            if not goes_on or filled < had:
                self._violated("I7", f"order {key[0]} went from {before} {had} to {status} {filled}")
            self.moves[before, status] += before != status
            self._seen[key[0]] = status, filled
        self._n_log = len(log)

    def _fills_are_booked(self) -> None:
        ours, theirs = self.evidence.our_fills(), self.evidence.their_fills()
        others = self.evidence.fills_of_others()
        for trade_id in sorted(theirs.keys() - ours.keys() - others.keys(), key=int):
            self._violated("I2", f"fill {trade_id} is not booked: {theirs[trade_id]}")

    def _books_are_equal(self) -> None:
        """Position and wallet, without what was done by hand: of that a person is told."""
        others = self.evidence.fills_of_others().values()
        by_hand = sum((one.quantity if one.side == "BUY" else -one.quantity for one in others), Decimal(0))
        held, booked_held = self.evidence.held() - by_hand, self.evidence.booked_position()
        if booked_held != held:
            self._violated("I3", f"position is {booked_held} in the journal and {held} at the venue")
        tables = self.evidence.journal.tables
        fills = [fill for _, fill in tables.fills.values()]
        booked = sum(((fill.realized_pnl or Decimal(0)) - fill.fee for fill in fills), Decimal(0))
        booked += sum(row.amount for row in tables.income.values())
        income = self.evidence.ledger.store.select(IncomeRecord)
        wallet = sum((row.amount for row in income if row.kind != "TRANSFER"), Decimal(0))
        wallet -= sum((_profit_of(one) for one in others), Decimal(0))
        if booked != wallet:
            self._violated("I3", f"wallet changed by {booked} in the journal and {wallet} at the venue")
        if by_hand and not any(one.table == "alerts" and one.row.severity == "halt" for one in tables.log):
            self._violated("I10", f"{by_hand} was traded by hand, and nobody was told")

    def _orders_have_ended(self) -> None:
        open_stops = {algo.client_id for algo in self.evidence.ledger.algos.values()}
        for name, order in self.evidence.journal.tables.orders.items():
            status = order.progress.status
            is_over = status in ("REJECTED", "DENIED") or has_unproven_end(status, order.venue_order_id)
            if is_over and self.evidence.is_filled(name):
                self._violated("I7", f"order {name} is {status} and was filled")
            if status in RESTS and _may_rest(order.intent):
                continue  # that it stands at the venue, another examiner looks at
            if status not in (_ENDED | _WAITING) or (status in _WAITING and name not in open_stops):
                self._violated("I10", f"order {name} is still {status}")

    def _lives(self) -> None:
        """What is not halted goes on with the newest bars; what is says why."""
        for source, trips in self.evidence.halts().items():
            if not all(trip.reason for trip in trips):
                self._violated("I10", f"{source} is halted without a reason")
        if self.evidence.halts():
            return
        for key, (bar_close, _) in self.evidence.journal.tables.checkpoints.items():
            age_ms = self.evidence.now_ms() - int(bar_close.timestamp() * 1000)
            if age_ms > _DECIDED_WITHIN_MS:
                self._violated("I10", f"deployment:{key} books no bar since {bar_close}")


def _may_rest(intent: Intent) -> bool:
    return bool(number_of(intent.purpose)) or (intent.purpose in ENTRIES and intent.order_type == "limit")


def _profit_of(fill: FillRecord) -> Decimal:
    return fill.realized_pnl - fill.fee
