"""What own fills say that trading costs, beside what the settings declare."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.costs.calibration import FEWEST, OwnFill, estimate_costs
from quant_pipelines.store.own_fills import FilledOrder, read_filled_orders


def own_costs(engine: Engine, symbols: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Estimate slippage and impact from the fills of each venue, per symbol and over all.

    Returns
    -------
    list of dict
        ``venue``, ``symbol`` (``all`` for the sum of a venue), ``orders`` and ``unusable`` (no bar of the
        decision is stored), and the fields of ``CostEstimate`` with ``settings``: what the ``costs`` settings
        would be; ``needed`` in their place, how many usable orders an estimate takes, while there are fewer.
        Paper fills pay what is declared, so theirs only repeat it.
    """
    orders = sorted(read_filled_orders(engine, symbols), key=lambda order: (order.venue, order.symbol))
    rows = []
    for venue, of_venue in groupby(orders, key=lambda order: order.venue):
        together = list(of_venue)
        parts = {name: list(part) for name, part in groupby(together, key=lambda order: order.symbol)}
        for symbol, chosen in (parts | ({"all": together} if len(parts) > 1 else {})).items():
            rows.append({"venue": venue, "symbol": symbol, **_estimated(chosen)})
    return rows


def _estimated(orders: Sequence[FilledOrder]) -> dict[str, Any]:
    usable = [OwnFill(*order[2:5], order.volume) for order in orders if order.volume is not None]
    counted = {"orders": len(orders), "unusable": len(orders) - len(usable)}
    estimate = estimate_costs(usable)
    if estimate is None:
        return {**counted, "needed": FEWEST}
    return {**counted, **estimate._asdict(), "settings": estimate.settings}
