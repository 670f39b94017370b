"""What a restart knows: a pure function of the rows of one deployment."""

from typing import NamedTuple

from quant_pipelines.backtest import Book, BookSettings
from quant_pipelines.backtest.stop_rules import inputs_from_document
from quant_pipelines.core.errors import ReconciliationError
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.store.trading import Intent, StoredBook


class Recovered(NamedTuple):
    """A book that goes on where the rows end.

    Parameters
    ----------
    book
        The broker with its position, and the order that was pending.
    order
        The intent behind that order; None without one.
    booked_until_ms
        Close of the last booked execution bar, milliseconds UTC; None before the first one.
    decided_ms
        Close of the last bar that was decided on, milliseconds UTC; 0 before the first one.
    """

    book: Book
    order: Intent | None
    booked_until_ms: int | None
    decided_ms: int


def recover(settings: BookSettings, stored: StoredBook) -> Recovered:
    """Rebuild the broker from the checkpoint, then submit the open intents to it again.

    The checkpoint of a bar is the book before that bar's decision; the decision stands in its signal and its
    intent, committed with the checkpoint. So an order that was committed is pending exactly once, whether or
    not it had reached the broker.

    Raises
    ------
    ReconciliationError
        If there is more than one open intent, or one that does not belong to the checkpoint's bar.
    """
    signal = stored.last_signal
    decided_ms = to_ms(signal.bar_close) if signal and not is_to_be_repeated(signal.decision) else 0
    if stored.state is None or stored.bar_close is None:
        _require_none(stored)
        return Recovered(Book(settings), None, None, decided_ms)
    book = Book.from_document(settings, stored.state)
    order = _open_order(stored)
    if signal is not None and signal.bar_close == stored.bar_close:
        quantity = signed_quantity(order) if order else 0.0
        known = signal.decision.get("stop_inputs")
        book.submit(
            quantity,
            target_side=float(signal.decision["target_side"]),
            inputs=inputs_from_document(known) if known else None,
        )
    return Recovered(book, order, to_ms(stored.bar_close), decided_ms)


def is_to_be_repeated(decision: dict[str, object]) -> bool:
    """Whether a decision fell on stale data, so that the next bar decides again."""
    return decision.get("denied_by") == "stale_data"


def signed_quantity(intent: Intent) -> float:
    """Quantity of an intent, negative for a sale."""
    return float(intent.quantity if intent.side == "buy" else -intent.quantity)


def _open_order(stored: StoredBook) -> Intent | None:
    if not stored.open_intents:
        return None
    first = stored.open_intents[0]
    if len(stored.open_intents) > 1 or first.bar_close != stored.bar_close:
        raise ReconciliationError(
            f"{len(stored.open_intents)} open intents, the first {first.client_order_id} of bar "
            f"{first.bar_close:%Y-%m-%d %H:%M}; expected one of the checkpoint's bar {stored.bar_close}"
        )
    return first


def _require_none(stored: StoredBook) -> None:
    if stored.open_intents or stored.fills:
        raise ReconciliationError(
            f"{len(stored.fills)} fills and {len(stored.open_intents)} open intents without a checkpoint; "
            "expected none"
        )
