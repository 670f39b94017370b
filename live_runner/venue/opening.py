"""How the broker of a deployment at a venue is opened: where its rows end, for what its strategy is."""

from collections.abc import Collection

from live_runner.book.broker import Opened
from live_runner.book.plan import DeploymentPlan
from live_runner.book.recovery import is_to_be_repeated
from live_runner.book.trader import Trader
from live_runner.venue.broker import BookRows, VenueBroker
from live_runner.venue.event_broker import EventVenueBroker
from live_runner.venue.leg_broker import LegVenueBroker
from live_runner.venue.wire import Wire
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.store.journal import Journal


def open_venue_broker(
    journal: Journal, plan: DeploymentPlan, epoch: int, *, stop_fraction: float, wire: Wire
) -> Opened:
    """Open the broker of a deployment at a venue where its rows end.

    Raises
    ------
    StoreError
        If the database does not answer.
    ReconciliationError
        If the rows contradict each other.
    """
    rows = BookRows(journal.read_book(plan.deployment.id), journal.read_orders(plan.deployment.id))
    stored = rows.book
    booked_until_ms = to_ms(stored.bar_close) if stored.bar_close else None
    if _is_event(plan):
        broker = EventVenueBroker(journal, plan, epoch, rows=rows, stop_fraction=stop_fraction, wire=wire)
        return Opened(broker, booked_until_ms, broker.run.asked_ms)
    kind = VenueBroker if plan.deployment.set_id is None else LegVenueBroker
    follows = kind(journal, plan, epoch, rows=rows, stop_fraction=stop_fraction, wire=wire)
    signal = stored.last_signal
    decided_ms = to_ms(signal.bar_close) if signal and not is_to_be_repeated(signal.decision) else 0
    return Opened(follows, booked_until_ms, decided_ms)


def require_alone(plan: DeploymentPlan, there: Collection[Trader]) -> None:
    """Prove that no event strategy has to share the position of a symbol with one that decides.

    What has left its stage only closes what it holds, as a late fill, beside whoever trades there by now.
    A book that is ``there`` itself is read again, and may have left since it was planned.

    Raises
    ------
    ConfigurationError
        If there is another book at its symbol and account.
    """
    key = plan.deployment.id
    own = next((trader for trader in there if trader.plan.deployment.id == key), None)
    if plan.deployment.is_leaving if own is None else own.is_leaving:
        return
    for other in (trader for trader in there if trader is not own):
        if not other.is_leaving and (_is_event(plan) or _is_event(other.plan)):
            raise ConfigurationError(
                f"{plan.deployment.key} trades {plan.deployment.symbol} at the account of "
                f"{other.key}, and one of them is an event strategy; expected it to be alone there"
            )


def _is_event(plan: DeploymentPlan) -> bool:
    return isinstance(plan.strategy, EventStrategy)
