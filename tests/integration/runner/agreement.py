"""Whether a runner's rows agree with the ledger of its venue, and whether a stop covers what is held."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine

from tests.integration.runner.venue_world import Ledger
from tests.integration.runner.world import rows

WORKING = (
    "select count(*) from trading.orders join trading.intents using (client_order_id) "
    "where purpose <> 'stop' "
    "and status in ('INITIALIZED', 'SUBMITTED', 'UNKNOWN', 'ACCEPTED', 'PARTIALLY_FILLED')"
)


@dataclass(frozen=True)
class Agreement:
    """Both sides of one deployment's trade."""

    engine: Engine
    ledger: Ledger

    def held(self) -> Decimal:
        """What the venue holds."""
        return sum(
            (Decimal(text) for (text,) in self.ledger.select("select quantity from positions")), Decimal(0)
        )

    def is_covered(self) -> bool:
        """Whether a stop stands on the side that closes what is held."""
        held = self.held()
        stops = self.ledger.select("select side from algo_orders where status = 'NEW'")
        return not held or ("SELL" if held > 0 else "BUY",) in stops

    def holds(self) -> bool:
        """Whether position and fills are the same, no order works, and what is held is covered."""
        ours = rows(self.engine, "select coalesce(sum(quantity), 0) from trading.positions")[0][0]
        n_fills = rows(self.engine, "select count(*) from trading.fills")[0][0]
        is_same = ours == self.held() and (n_fills,) == self.ledger.select("select count(*) from fills")[0]
        return is_same and self.is_covered() and rows(self.engine, WORKING) == [(0,)]
