"""Own market orders as they were filled, beside the price and the bar on which they were decided."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine, text

from quant_pipelines.store.engine import transaction


class FilledOrder(NamedTuple):
    """Filled order: signed base quantity, average price, price and bar volume at its decision."""

    venue: str
    symbol: str
    quantity: float
    price: float
    decision_price: float
    volume: float | None


def read_filled_orders(engine: Engine, symbols: Sequence[str] = ()) -> list[FilledOrder]:
    """Read the filled market orders of decisions, oldest first; of all symbols where none is given.

    ``volume`` is that of the newest execution bar that had closed at the decision, None if it isn't stored.
    """
    query = text(
        "select f.venue, f.symbol, "
        "(sum(case f.side when 'buy' then f.quantity else -f.quantity end))::float8, "
        "(sum(f.quantity * f.price) / sum(f.quantity))::float8, s.price, b.volume "
        "from trading.fills f join trading.intents i using (client_order_id) "
        "join trading.deployments d on d.id = i.deployment_id "
        "join trading.signals s on s.deployment_id = i.deployment_id and s.bar_close = i.bar_close "
        "left join lateral (select volume from market.bars where exchange = d.exchange "
        "and symbol = d.symbol and timeframe = d.execution_timeframe and ts < i.bar_close "
        "and ts >= i.bar_close - interval '1 day' order by ts desc limit 1) b on true "
        "where i.purpose = 'target' and i.order_type = 'market' "
        "and (:is_all or f.symbol = any(:symbols)) "
        "group by f.venue, f.symbol, i.client_order_id, i.committed_at, s.price, b.volume "
        "order by i.committed_at"
    )
    chosen = {"is_all": not symbols, "symbols": list(symbols)}
    with transaction(engine) as connection:
        return [FilledOrder(*row) for row in connection.execute(query, chosen)]
