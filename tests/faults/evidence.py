"""What an examiner reads: the venue's ledger and the runner's journal, and what outsiders did to both."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from quant_pipelines.simulator.venue.ledger import Ledger
from quant_pipelines.simulator.venue.records import AlgoOrder, FillRecord, Order
from quant_pipelines.trading.purposes import INTERNAL_PREFIX, number_of
from tests.faults.requests import Asked
from tests.memory_journal import MemoryJournal

VENUES_OWN = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
"""How orders are named by which the venue itself closes a position."""
BY_HAND = "web_"
"""How orders are named that somebody gives beside the runner."""

_UNHEARD_MS = 6_000
"""How long a message that is lost hides what the venue did: the runner looks by itself every 5 s."""

FillKey = tuple[str, Decimal, Decimal, Decimal]
"""Side, quantity, price and fee."""


class Violation(NamedTuple):
    """Which invariant is broken, and how."""

    invariant: str
    what: str


class Examines(Protocol):
    """One examiner of a world; what it finds it finds once."""

    found: dict[Violation, int]

    def look(self) -> None:
        """Check what must hold at every moment."""

    def look_at_order(self, asked: Asked) -> None:
        """Check an order that is sent or changed just now; the venue has not seen it yet."""

    def look_at_rest(self) -> None:
        """Check what must hold once everybody has had time."""


@dataclass
class Evidence:
    """Ledger and journal, and the time.

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
    is_hindered
        Whether something outside keeps the runner from the venue or from its rows, or has just done so.
    silent_seconds
        For how long nothing was said of the market.
    is_troubled
        Whether anything has gone wrong lately.
    """

    ledger: Ledger
    journal: MemoryJournal
    market_id: str
    now_ms: Callable[[], int]
    is_hindered: Callable[[], bool] = lambda: False
    silent_seconds: Callable[[], float] = lambda: 0.0
    is_troubled: Callable[[], bool] = lambda: False
    _cached: dict[str, tuple[int, Any]] = field(default_factory=dict)

    def held(self) -> Decimal:
        """Position at the venue, base, signed."""
        position = self.ledger.positions.get(self.market_id)
        return position.quantity if position is not None else Decimal(0)

    def known_position(self) -> Decimal:
        """Position at the venue, without what it has closed by itself just now and nobody may know of yet."""
        names = {order.number: order.client_id for order in self.orders()}
        new = (one for one in self._fills() if one.ts_ms > self.now_ms() - _UNHEARD_MS)
        closed = (one for one in new if names[one.order_number].startswith(VENUES_OWN))
        return self.held() - sum(
            (one.quantity if one.side == "BUY" else -one.quantity for one in closed), Decimal(0)
        )

    def booked_position(self) -> Decimal:
        """Position by our books, base, signed."""
        return sum((one.quantity for one in self.journal.tables.positions.values()), Decimal(0))

    def orders(self) -> list[Order]:
        """Every order that the venue has taken."""
        return self._newest("orders", lambda: self.ledger.store.select(Order))

    def conditional_orders(self) -> list[AlgoOrder]:
        """Every conditional order that the venue has taken."""
        return self._newest("algos", lambda: self.ledger.store.select(AlgoOrder))

    def levels(self) -> list[AlgoOrder]:
        """Conditional orders that wait, without those that a strategy has placed: these protect nothing."""
        orders = self.journal.tables.orders
        placed = {name for name, order in orders.items() if number_of(order.intent.purpose)}
        return [algo for algo in self.ledger.algos.values() if algo.client_id not in placed]

    def fills_of_others(self) -> dict[str, FillRecord]:
        """Fills of orders that somebody gave by hand, by trade id."""
        names = {order.number: order.client_id for order in self.orders()}
        fills = self._fills()
        return {str(one.number): one for one in fills if names[one.order_number].startswith(BY_HAND)}

    @property
    def is_shared(self) -> bool:
        """Whether several deployments trade the symbol."""
        return len(self.journal.deployments) > 1

    def crossed(self) -> Counter[str]:
        """Quantity of each order that was filled against another book's."""
        found: Counter[str] = Counter()
        for _, one in self.journal.tables.fills.values():
            if one.trade_id.startswith(INTERNAL_PREFIX):
                found[one.client_order_id or ""] += one.quantity  # type: ignore[assignment] - a decimal
        return found

    def our_fills(self) -> dict[str, FillKey]:
        """Trades of the venue in our books by trade id, the parts of several books added up."""
        found: dict[str, FillKey] = {}
        for _, one in self.journal.tables.fills.values():
            if not one.trade_id.startswith(INTERNAL_PREFIX):
                _, quantity, _, fee = found.get(one.trade_id, ("", Decimal(0), Decimal(0), Decimal(0)))
                found[one.trade_id] = (one.side, quantity + one.quantity, one.price, fee + one.fee)
        return found

    def their_fills(self) -> dict[str, FillKey]:
        """Fills of the venue by trade id."""
        return {
            str(one.number): (one.side.lower(), one.quantity, one.price, one.fee) for one in self._fills()
        }

    def is_filled(self, name: str) -> bool:
        """Whether an order is filled at the venue, also in part."""
        return any(one.client_id == name and one.filled for one in self.orders())

    def halts(self) -> dict[str, Any]:
        """Events that a person must lift, by source."""
        return self.journal.read_controls().halts

    def _fills(self) -> list[FillRecord]:
        return self._newest("fills", lambda: self.ledger.store.select(FillRecord))

    def _newest(self, name: str, read: Callable[[], Any]) -> Any:
        """What the ledger has, read again only where it has changed."""
        changes = self.ledger.store.connection.total_changes
        if self._cached.get(name, (-1, None))[0] != changes:
            self._cached[name] = changes, read()
        return self._cached[name][1]


@dataclass
class Findings:
    """What was found: each violation once, with its time in milliseconds UTC."""

    evidence: Evidence
    found: dict[Violation, int] = field(default_factory=dict)

    def violated(self, invariant: str, what: str) -> None:
        """Note a violation."""
        self.found.setdefault(Violation(invariant, what), self.evidence.now_ms())
