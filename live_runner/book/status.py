"""What a heartbeat tells of one deployment."""

from typing import Any

from live_runner.book.broker import Broker
from quant_pipelines.core.orders import shown_quantity
from quant_pipelines.core.timeframes import from_ms
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.trading.breaker import Breaker


def status_of(
    deployment: Deployment, breaker: Breaker, broker: Broker, booked_until_ms: int
) -> dict[str, Any]:
    """Return the document of a deployment whose bars are booked until then, milliseconds UTC."""
    of_set = {} if deployment.set_id is None else {"set": deployment.set_id}
    return of_set | {
        "id": deployment.id,
        "strategy": deployment.strategy,
        "symbol": deployment.symbol,
        "timeframe": deployment.timeframe,
        "state": breaker.state,
        "halted_by": breaker.reason,
        "reduced_by": breaker.reduced_by,
        "booked_until": from_ms(booked_until_ms).isoformat(),
        "position": shown_quantity(broker.account.position),
        "equity": broker.equity,
        "fills": broker.n_fills,
        "venue": broker.venue,
        "waits_for": broker.waits_for,
    }
