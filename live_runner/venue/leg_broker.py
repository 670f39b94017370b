"""The venue broker of a leg: it knows why its book does not hold what was decided, behind a restart, too."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple, Unpack

from live_runner.book.decision import Decided
from live_runner.book.plan import DeploymentPlan
from live_runner.venue.broker import BookRows, VenueBroker
from live_runner.venue.event_broker import BrokerTerms
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.trading import Fill
from quant_pipelines.store.venue_orders import OrderStep, PlacedOrder
from quant_pipelines.trading.cycle import sign_of
from quant_pipelines.trading.legs import Loss, lasts
from quant_pipelines.trading.orders import FINAL
from quant_pipelines.trading.purposes import FLATTEN, TARGET

_BY_VENUE: Final[dict[str, Loss]] = {
    "liquidation": "liquidated",
    "adl": "deleveraged",
    "settlement": "settled",
}
"""What fills are that nobody here ordered, by their reason."""
_MOST_NEWEST = 32
"""Of how many orders a checkpoint tells which have ended: those that may be of its own minute."""


class WantedSide(NamedTuple):
    """Side of a leg's target (-1, 0 or 1), why it does not hold that, and the side when that began."""

    side: float = 0.0
    lost: Loss | None = None
    lost_side: float = 0.0

    def learned(self, target: float) -> "WantedSide":
        """With the side of its target now; NaN is no opinion.

        Examples
        --------
        >>> WantedSide(1.0, "refused", 1.0).learned(-0.5), WantedSide(1.0, "refused", 1.0).learned(0.5).lost
        (WantedSide(side=-1.0, lost=None, lost_side=0.0), 'refused')
        """
        side = self.side if target != target else sign_of(target)  # noqa: PLR0124 - not a number
        if self.lost is None or not lasts(self.lost, self.lost_side, side):
            return WantedSide(side)
        return self._replace(side=side)

    def losing(self, loss: Loss) -> "WantedSide":
        """With a loss that begins now; one that ends with the next decision hides none that lasts."""
        known = self.lost
        is_hidden = loss == "denied" and known is not None
        return self if is_hidden else WantedSide(self.side, loss, self.side)


class LegVenueBroker(VenueBroker):
    """Book and orders of one leg; parameters as in `VenueBroker`.

    It enters at market: a limit that waits would leave the others as half a set.
    """

    def __init__(
        self,
        journal: Journal,
        plan: DeploymentPlan,
        epoch: int,
        *,
        rows: BookRows,
        **beside: Unpack[BrokerTerms],
    ) -> None:
        super().__init__(journal, plan, epoch, rows=rows, **beside)
        known: dict[str, Any] = (rows.book.state or {}).get("leg", {})
        self._wanted = WantedSide(*known["wanted"]) if known else WantedSide()
        since = rows.book.bar_close
        for order in rows.orders:
            is_newer = since is None or order.intent.bar_close >= since
            name = order.intent.client_order_id
            if name in known.get("open", ()) or (is_newer and name not in known.get("ended", ())):
                self._note_order(order)
        n_fills = int((rows.book.state or {}).get("fills", 0))
        fills = sorted(rows.book.fills, key=lambda fill: (fill.ts, len(fill.trade_id), fill.trade_id))
        self._note_fills(fills[n_fills:])

    @property
    def lost(self) -> Loss | None:
        """Why it does not hold what was decided."""
        return self._wanted.lost

    def learn(self, target: float) -> None:
        """Take up what its target is now."""
        self._wanted = self._wanted.learned(float(target))

    def complete(self, decided: Decided) -> Decided:
        """Return the decision as it is: it enters at market."""
        return decided

    def checkpoint(self) -> dict[str, Any]:
        """State as a JSON document."""
        newest = list(self.orders)[-_MOST_NEWEST:]
        live = [one for one in self._live() if one.progress.status not in FINAL]
        known = {
            "wanted": list(self._wanted),
            "open": [one.intent.client_order_id for one in live],
            "ended": [name for name in newest if self.orders[name].progress.status in FINAL],
        }
        return {**super().checkpoint(), "leg": known}

    def _went_on(self, new: OrderStep, at: datetime) -> None:
        super()._went_on(new, at)
        self._note_order(self.orders[new.client_order_id])

    def _note_order(self, order: PlacedOrder) -> None:
        progress, purpose = order.progress, order.intent.purpose
        if purpose == FLATTEN and progress.filled_quantity:
            self._wanted = self._wanted.losing("gapped")
        is_short = progress.status in FINAL and progress.filled_quantity < order.intent.quantity
        if purpose == TARGET and is_short and not self._is_on_its_side(order):
            self._wanted = self._wanted.losing("denied" if progress.status == "DENIED" else "refused")

    def _is_on_its_side(self, order: PlacedOrder) -> bool:
        """Whether it holds something on its target's side: the next decision brings that to its size."""
        held: Decimal = self.position().quantity + self._exposure(order)
        return sign_of(float(held)) == self._wanted.side

    def _note_fills(self, fills: Sequence[Fill]) -> None:
        for fill in fills:
            if fill.client_order_id is None and fill.reason in _BY_VENUE:
                self._wanted = self._wanted.losing(_BY_VENUE[fill.reason])
