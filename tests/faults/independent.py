"""An examiner written from the invariants alone, by their text and the tables, without a look at the runner.

It shares no rule with the other examiners, so that a misreading in one of them does not hide in both. It
reads the venue's ledger, the runner's rows and their log, and the orders as they leave.
"""

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeAlias

from quant_pipelines.simulator.venue.records import AlgoOrder, Order
from quant_pipelines.store.venue_orders import PlacedOrder
from tests.faults.evidence import BY_HAND, VENUES_OWN, Evidence
from tests.faults.independent_books import IndependentBooks, signed
from tests.faults.requests import Asked

_ZERO = Decimal(0)
_NAME = re.compile(r"q(\d+)-(\d+)-")
"""How our client order ids begin: epoch and deployment."""
_KINDS = {
    "market": "MARKET",
    "limit": "LIMIT",
    "stop_market": "STOP_MARKET",
    "take_profit_market": "TAKE_PROFIT_MARKET",
}
_ENDED = frozenset({"DENIED", "FILLED", "CANCELED", "REJECTED", "EXPIRED"})
_NEVER_SENT = frozenset({"DENIED", "REJECTED"})
_UNPROVEN = frozenset({"REJECTED", "EXPIRED"})
_RANKS = {
    "INITIALIZED": 0,
    "SUBMITTED": 1,
    "UNKNOWN": 2,
    "ACCEPTED": 3,
    "TRIGGERED": 4,
    "PARTIALLY_FILLED": 5,
    "PENDING_CANCEL": 5,
} | dict.fromkeys(_ENDED, 6)
"""An order never goes to a lower rank, and an ended one never to another state.

Whose change is asked for keeps its rank: the change may fail, and the order rests on.
"""
_ENTERS = frozenset({"target", "remainder"})
_CLOSES = frozenset({"exit", "flatten", "close"})
_RECEIVE_WINDOW_MS = 2_000
"""How old a stamp may be that the venue still takes."""
_HALT_MS = 2_000
"""How soon a halt must be obeyed."""
_COVER_MS = 2_000
_LOOK_MS = 1_000
"""How much later than it happened something may be seen here: looks are apart, and messages travel."""
_LEEWAY = Decimal("1.002")
"""A limit is tried on a newer price than the close that is seen here."""

Told: TypeAlias = dict[str, str]


class Independent(IndependentBooks):
    """Examines I1 to I10 by its own reading of them.

    Parameters
    ----------
    evidence
        Ledger and rows.
    """

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence)
        self._n_read = 0
        self._as_of: tuple[int, int] = (-1, -1)
        self._left: dict[str, int] = {}
        """When each order was first sent with an intent in the rows."""
        self._states: dict[str, tuple[str, Decimal]] = {}
        self._ranks: dict[str, int] = {}
        self._numbered = set[str]()
        self._refused = set[str]()
        self._halted_ms: dict[int, int] = {}
        self._epochs_ms: list[int] = []
        self._closed_ms = -_COVER_MS
        self._naked: tuple[Decimal, int] = (_ZERO, 0)

    def look(self) -> None:
        """Check what must hold at every moment."""
        tables, now = self.evidence.journal.tables, self.evidence.now_ms()
        self._epochs_ms += [now] * (len(tables.epochs) - len(self._epochs_ms))
        as_of = self.evidence.ledger.store.connection.total_changes, len(tables.log)
        if as_of != self._as_of:
            self._as_of = as_of
            self._read_log(now)
            self._arrivals()
            self.compare_trades()
            self.compare_positions()
            self.compare_profits()
        self._cover(now)

    def look_at_order(self, asked: Asked) -> None:
        """Check an order that is sent or changed just now; the venue has not seen it yet."""
        self.look()
        told, name = asked.parameters, asked.client_id
        order = self.evidence.journal.tables.orders.get(name)
        if order is None:
            self.violated("I1", f"{name} leaves without an intent")
            return
        self._left.setdefault(name, self.evidence.now_ms())
        if not 0 < int(told.get("recvWindow", "0")) <= _RECEIVE_WINDOW_MS:
            self.violated(
                "I9", f"{name} may arrive after the next writer has begun: {told.get('recvWindow')}"
            )
        self._as_intended(order, told, is_change=asked.amends)
        if order.progress.status in _ENDED or order.progress.status == "UNKNOWN":
            self.violated("I5", f"{name} is sent while it is {order.progress.status}")
        if asked.amends:  # what it may do to the position was looked at when it was sent
            self._not_halted(order)
            return
        if order.epoch != len(self.evidence.journal.tables.epochs):
            self.violated("I9", f"{name} is sent by writer {order.epoch}, which is over")
        if not self._reduces(order, told):
            self._not_halted(order)
            self._within_limits(order, told)

    def look_at_rest(self) -> None:
        """Check what must hold once everybody has had time."""
        self.look()
        self.find_trades()
        self.find_payments()
        self._nothing_refused_is_filled()
        self._nothing_left()
        for source, trips in self.evidence.halts().items():
            if not all(trip.reason.strip() for trip in trips):
                self.violated("I10", f"{source} is halted, and nothing says why")

    def _as_intended(self, order: PlacedOrder, told: Told, *, is_change: bool) -> None:
        """I1: what is sent is what was committed. Books that net send less: the rest crosses inside.

        An entry without a price of its own rests at the best one, and may not take; a change names its price.
        """
        intent = order.intent
        is_conditional = intent.order_type in ("stop_market", "take_profit_market")
        sent, meant = Decimal(told.get("quantity", "0")), intent.quantity
        is_level = is_conditional and not _is_placed(intent.purpose)
        is_whole = told.get("closePosition") == "true" and is_level
        price = told.get("triggerPrice") if is_conditional else told.get("price")
        expected = intent.decision_price if is_level else intent.price
        follows = intent.order_type == "limit" and intent.purpose in _ENTERS
        is_named = expected is not None or not follows
        wrong = {
            "side": told.get("side", "").lower() != intent.side,
            "kind": not is_change and told.get("type") != _KINDS[intent.order_type],
            "price": is_named and not is_change and (None if price is None else Decimal(price)) != expected,
            "time in force": follows and not is_change and told.get("timeInForce") != "GTX",
            "reduce-only": not is_change and intent.reduce_only and told.get("reduceOnly") != "true",
            "quantity": not is_whole and (sent > meant or (sent < meant and not self._is_netted)),
        }
        for what in (what for what, is_wrong in wrong.items() if is_wrong):
            self.violated("I1", f"{intent.client_order_id} leaves with another {what}: {told}")

    def _reduces(self, order: PlacedOrder, told: Told) -> bool:
        """Whether an order can only bring a position nearer to flat: the net, or that of its book."""
        if "true" in (told.get("reduceOnly"), told.get("closePosition")):
            return True
        intent, held = order.intent, self.evidence.held()
        if self._is_netted and intent.purpose in _CLOSES:
            held = self._booked(self._owner(intent.client_order_id))
        change = signed(intent.side, Decimal(told.get("quantity", "0")))
        return change * held < 0 and abs(change) <= abs(held)

    def _not_halted(self, order: PlacedOrder) -> None:
        """I8: a halt of the account or of this deployment lets nothing out but what reduces."""
        name, now = order.intent.client_order_id, self.evidence.now_ms()
        other = {one.key for one in self.evidence.journal.deployments.values()}
        other.discard(f"deployment:{self._owner(name)}")
        for row, (alert, resolved_at) in enumerate(self.evidence.journal.tables.alerts, 1):
            is_standing = alert.severity == "halt" and resolved_at is None and alert.source not in other
            if is_standing and now - self._halted_ms.get(row, now) > _HALT_MS:
                self.violated("I8", f"{name} leaves while {alert.source} is halted: {alert.message}")

    def _within_limits(self, order: PlacedOrder, told: Told) -> None:
        """I4: position, everything that may still fill, and this order, against the stored limits.

        By the venue's position, so what our rows do not know yet counts, too, but for what it just closed.
        All books of the symbol together: the venue's position does not say whose it is. What somebody changed
        by hand is not judged.
        """
        price, side = order.intent.decision_price, order.intent.side
        limit = self._most()
        if price is None or limit is None or self.evidence.fills_of_others():
            return
        name, held = order.intent.client_order_id, self.evidence.known_position()
        filled = {one.client_id: one.filled for one in self.evidence.orders()}
        waits = sum(
            (
                one.intent.quantity - filled.get(other, one.progress.filled_quantity)
                for other, one in self.evidence.journal.tables.orders.items()
                if other != name and one.intent.side == side and _may_fill(one)
            ),
            _ZERO,
        )
        worst = abs(held + signed(side, waits + Decimal(told.get("quantity", "0"))))
        if worst > abs(held) and worst * price > limit * _LEEWAY:
            self.violated("I4", f"{name} may take the position to {worst} at {price}, past {limit}")

    def _most(self) -> Decimal | None:
        """Largest notional that the stored limits allow all books together; None where nothing is stored."""
        tables, most = self.evidence.journal.tables, _ZERO
        for key in self.evidence.journal.deployments:
            limits = dict(tables.limits.get("account", {}))
            for name, value in tables.limits.get(f"deployment:{key}", {}).items():
                limits[name] = min(value, limits.get(name, value))
            fractions = [limits[one] for one in ("max_position_fraction", "max_leverage") if one in limits]
            points = [point for (whose, _), point in tables.equity.items() if whose == key]
            if not fractions:
                return None
            worth = max(points, key=lambda one: one.ts).equity if points else 0.0
            most += Decimal(str(min(fractions))) * Decimal(str(worth))
        return most

    def _read_log(self, now: int) -> None:
        log = self.evidence.journal.tables.log
        for one in log[self._n_read :]:
            if one.table == "orders":
                self._follow(one.key[0], one.row[0], now, has_number=one.row[1] is not None)
            elif one.table == "alerts":
                self._halted_ms[one.key[0]] = now
        self._n_read = len(log)

    def _follow(self, name: str, progress: Any, now: int, *, has_number: bool) -> None:
        """I7: no state goes back, and what is unknown is refused only when it can't arrive any more.

        What was refused or expired without a number, and has one now, had arrived after all.
        """
        status, filled = progress
        before, filled_before = self._states.get(name, ("INITIALIZED", _ZERO))
        self._states[name] = status, filled
        is_late = before in _UNPROVEN and has_number and name not in self._numbered
        self._numbered |= {name} if has_number else set()
        self._refused |= {name} if status in _NEVER_SENT else set()
        rank = self._ranks.get(name, 0)
        self._ranks[name] = _RANKS.get(status, rank)
        is_left = (before in _ENDED and status != before) or self._ranks[name] < rank
        if (is_left and not is_late) or filled < filled_before:
            self.violated("I7", f"{name} goes back from {before}, {filled_before} to {status}, {filled}")
        if before == "UNKNOWN" and status == "REJECTED":
            left_ms = self._left.get(name)
            if left_ms is not None and now - left_ms <= _RECEIVE_WINDOW_MS:
                self.violated("I7", f"{name} was unknown and is refused {now - left_ms} ms after it left")
        order = self.evidence.journal.tables.orders.get(name)
        if order is not None and (filled > order.intent.quantity):
            self.violated("I7", f"{name} is filled by {filled} of {order.intent.quantity}")
        if order is not None and order.intent.purpose in _CLOSES:
            self._closed_ms = now

    def _arrivals(self) -> None:
        """I1, I5, I9: each order there has an intent that was there before, is one, of the newest writer."""
        known = self.evidence.journal.tables.orders
        algos = self.evidence.conditional_orders()
        parents = {one.number: one.client_id for one in algos}
        children, firsts = Counter[int](), Counter[str]()
        for one in self._ours():
            if isinstance(one, Order) and one.algo:
                children[one.algo] += 1
                if parents.get(one.algo) != one.client_id:
                    self.violated("I1", f"{one.client_id} comes from a conditional order of another name")
                continue
            firsts[one.client_id] += 1
            if one.client_id not in known:
                self.violated("I1", f"{one.client_id} is at the venue without an intent")
            elif self._left.get(one.client_id, one.created_ms) > one.created_ms:
                self.violated("I1", f"{one.client_id} arrived before its intent was committed")
            self._of_newest_writer(one)
        for name in (name for name, n in firsts.items() if n > 1):
            self.violated("I5", f"{name} is {firsts[name]} orders at the venue")
        for number in (number for number, n in children.items() if n > 1):
            self.violated("I5", f"{parents.get(number)} has {children[number]} children")

    def _of_newest_writer(self, order: Order | AlgoOrder) -> None:
        """I9. What the former writer sent may arrive within the receive window; the next one waits for it."""
        match = _NAME.match(order.client_id)
        epoch = int(match[1]) if match else 0
        if not 0 < epoch <= len(self._epochs_ms):
            self.violated("I9", f"{order.client_id} is of no writer")
            return
        next_ms = self._epochs_ms[epoch] if epoch < len(self._epochs_ms) else None
        if next_ms is not None and order.created_ms > next_ms + _RECEIVE_WINDOW_MS:
            self.violated("I9", f"{order.client_id} arrived when its writer was over")
        placed = self.evidence.journal.tables.orders.get(order.client_id)
        if placed is not None and placed.epoch != epoch:
            self.violated("I9", f"{order.client_id} names another writer than its intent, {placed.epoch}")

    def _cover(self, now: int) -> None:
        """I6: a stop over all of the net position within 2 s, or an exit under way."""
        held = self.evidence.held()
        is_excused = not held or self._is_covered(held) or self._is_closing(now)
        if is_excused or self.evidence.is_hindered() or self.evidence.fills_of_others():
            self._naked = _ZERO, now
        elif self._naked[0] != held:
            self._naked = held, now
        elif now - self._naked[1] > _COVER_MS + _LOOK_MS:
            self.violated("I6", f"{held} is held, and neither covered nor closed")

    def _is_covered(self, held: Decimal) -> bool:
        side = "SELL" if held > 0 else "BUY"
        known = self.evidence.journal.tables.orders
        return any(
            one.kind == "STOP_MARKET"
            and not (one.client_id in known and _is_placed(known[one.client_id].intent.purpose))
            and one.side == side
            and (one.close_position or (one.reduce_only and one.quantity >= abs(held)))
            for one in self.evidence.ledger.algos.values()
            if one.symbol == self.evidence.market_id
        )

    def _is_closing(self, now: int) -> bool:
        """Whether an exit is under way, or was just now: behind one that was filled in part comes another."""
        orders = self.evidence.journal.tables.orders.values()
        is_sent = any(one.intent.purpose in _CLOSES and one.progress.status not in _ENDED for one in orders)
        return is_sent or now - self._closed_ms <= _COVER_MS

    def _nothing_refused_is_filled(self) -> None:
        """I7: what never left, or was refused, has no fill; what it became later mends nothing of that."""
        filled = {one.client_id for one in self._ours() if isinstance(one, Order) and one.filled}
        orders = self.evidence.journal.tables.orders.items()
        refused = self._refused | {name for name, one in orders if one.progress.status in _NEVER_SENT}
        for name in sorted(refused & filled):
            self.violated("I7", f"{name} was refused or denied, and was filled")
        for name, one in orders:
            if one.progress.status == "EXPIRED" and one.venue_order_id is None and name in filled:
                self.violated("I7", f"{name} has expired without a number, and was filled")

    def _nothing_left(self) -> None:
        """I10: at rest an order that has not ended stands at the venue, and one that ended does not."""
        known = self.evidence.journal.tables.orders
        standing = {one.client_id for one in self._ours() if one.is_open}
        for name, order in known.items():
            status = order.progress.status
            if status not in _ENDED and name not in standing:
                self.violated("I10", f"{name} is still {status}, and does not stand at the venue")
            if status in _ENDED and name in standing:
                self.violated("I10", f"{name} is {status}, and still stands at the venue")
        standing -= {name for name in standing if name in known and _rests(known[name])}
        legs = Counter(
            (self._owner(name), known[name].intent.order_type) for name in standing if name in known
        )
        for (key, kind), n in legs.items():
            if n > 1:
                self.violated("I5", f"{n} orders of kind {kind} stand for book {key}")
        is_ours = not self.evidence.fills_of_others()  # what a hand has closed is left to a person
        if is_ours and not self.evidence.held() and standing:
            self.violated("I10", f"nothing is held, and {sorted(standing)} stand at the venue")

    @property
    def _is_netted(self) -> bool:
        return len(self.evidence.journal.deployments) > 1

    def _ours(self) -> Iterator[Order | AlgoOrder]:
        for one in (*self.evidence.orders(), *self.evidence.conditional_orders()):
            if not one.client_id.startswith((BY_HAND, *VENUES_OWN)):
                yield one

    def _owner(self, name: str) -> int:
        match = _NAME.match(name)
        return int(match[2]) if match else 0

    def _booked(self, deployment_id: int) -> Decimal:
        rows = self.evidence.journal.tables.positions.items()
        return sum((one.quantity for (key, _), one in rows if key == deployment_id), _ZERO)


def _rests(order: PlacedOrder) -> bool:
    """Whether it may rest with nothing held: of a strategy any number; an entry that follows the price."""
    intent = order.intent
    return _is_placed(intent.purpose) or (intent.order_type == "limit" and intent.purpose in _ENTERS)


def _may_fill(order: PlacedOrder) -> bool:
    """Whether an order that has not ended may open; what protects or only reduces never does."""
    intent = order.intent
    is_open = order.progress.status not in _ENDED and not intent.reduce_only
    opens = _is_placed(intent.purpose) or intent.order_type in ("market", "limit")
    return is_open and opens and intent.purpose not in _CLOSES


def _is_placed(purpose: str) -> bool:
    """Whether a strategy has placed an order by itself."""
    return purpose.startswith("order ")
