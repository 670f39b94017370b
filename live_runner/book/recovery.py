"""What a restart knows: a pure function of the rows of one deployment."""

from collections.abc import Mapping
from typing import NamedTuple

from quant_pipelines.accounting.account import DUST
from quant_pipelines.backtest import Book, BookSettings
from quant_pipelines.backtest.market.stop_rules import inputs_from_document
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.trading import Intent, StoredBook
from quant_pipelines.trading.purposes import number_of

REPEATED = ("stale_data", "halted", "stale_prices", "trading_state")
"""Who denies a decision only for now: the next bar decides again."""


class Recovered(NamedTuple):
    """A book that goes on where the rows end.

    Parameters
    ----------
    book
        The broker with its position, and the orders that work.
    order
        The intent behind the order that follows a target; None without one.
    booked_until_ms
        Close of the last booked execution bar, milliseconds UTC; None before the first one.
    decided_ms
        Close of the last bar that was decided on, milliseconds UTC; 0 before the first one.
    resting
        The intents behind an event strategy's orders, by their numbers.
    """

    book: Book
    order: Intent | None
    booked_until_ms: int | None
    decided_ms: int
    resting: Mapping[int, Intent] = {}


def recover(settings: BookSettings, stored: StoredBook) -> Recovered:
    """Rebuild the broker from the checkpoint, then take the last decision over again.

    The checkpoint of a bar is the book before that bar's decision; the decision stands in its signal and its
    intent, committed with the checkpoint. So an order that was committed is pending exactly once, whether or
    not it had reached the broker. The checkpoint of an event strategy is the book after its decision.

    Raises
    ------
    ReconciliationError
        If open intents and the orders of the book don't belong together.
    """
    signal = stored.last_signal
    decided_ms = to_ms(signal.bar_close) if signal and not is_to_be_repeated(signal.decision) else 0
    if stored.state is None or stored.bar_close is None:
        _require_none(stored)
        return Recovered(Book(settings), None, None, decided_ms)
    book = Book.from_document(settings, stored.state)
    resting = {
        number_of(intent.purpose): intent for intent in stored.open_intents if number_of(intent.purpose)
    }
    order = _open_order(stored, book)
    if signal is not None and signal.bar_close == stored.bar_close and "desk" not in stored.state:
        known = signal.decision.get("stop_inputs")
        book.submit(
            _ordered(signal.decision, order, stored),
            target_side=float(signal.decision["target_side"]),
            inputs=inputs_from_document(known) if known else None,
        )
    _require_same(book, resting)
    return Recovered(book, order, to_ms(stored.bar_close), decided_ms, resting)


def is_to_be_repeated(decision: dict[str, object]) -> bool:
    """Whether a decision was denied only for now, so that the next bar decides again."""
    return decision.get("denied_by") in REPEATED


def signed_quantity(intent: Intent) -> float:
    """Quantity of an intent, negative for a sale."""
    return float(intent.quantity if intent.side == "buy" else -intent.quantity)


def _ordered(decision: dict[str, object], order: Intent | None, stored: StoredBook) -> float:
    """Quantity that the last decision added to what was open; an intent stands for both."""
    known = decision.get("order_quantity")
    if isinstance(known, int | float):
        return float(known) if order is not None or float(known) == 0.0 else _replacing(float(known), stored)
    return signed_quantity(order) if order else 0.0


def _replacing(quantity: float, stored: StoredBook) -> float:
    """Quantity that has taken back what was open, which left no intent; else 0: its order is final."""
    state = (stored.state or {}).get("state") or {}
    net = float(state.get("pending", 0.0)) + quantity
    return quantity if abs(net) <= DUST * abs(quantity) else 0.0


def _open_order(stored: StoredBook, book: Book) -> Intent | None:
    waiting = [intent for intent in stored.open_intents if not number_of(intent.purpose)]
    if not waiting:
        return None
    first = waiting[0]
    is_older = stored.bar_close is not None and first.bar_close < stored.bar_close and book.pending != 0.0
    if len(waiting) > 1 or not (first.bar_close == stored.bar_close or is_older):
        raise ReconciliationError(
            f"{len(waiting)} open intents, the first {first.client_order_id} of bar "
            f"{first.bar_close:%Y-%m-%d %H:%M}; expected one of the checkpoint's bar {stored.bar_close}, "
            "or one that the checkpoint holds"
        )
    return first


def _require_same(book: Book, resting: Mapping[int, Intent]) -> None:
    working = {order.number for order in book.orders}
    if working != set(resting):
        raise ReconciliationError(
            f"orders {sorted(working)} rest in the checkpoint and {sorted(resting)} in the rows; "
            "expected the same"
        )


def _require_none(stored: StoredBook) -> None:
    if stored.open_intents or stored.fills:
        raise ReconciliationError(
            f"{len(stored.fills)} fills and {len(stored.open_intents)} open intents without a checkpoint; "
            "expected none"
        )
