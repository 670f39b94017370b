"""Weights of the hot score change while it runs: a person sets one, measured usefulness moves it in bounds.

Every change is a row that stays, and a row of the audit log in the same transaction.
"""

import math
from collections.abc import Iterable

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time, utc_now
from quant_pipelines.core.errors import ConfigurationError, unknown_name
from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.core.settings import Settings
from quant_pipelines.hotlist.factors import NAMES
from quant_pipelines.hotlist.usefulness import Usefulness
from quant_pipelines.hotlist.weights import Move, move_of
from quant_pipelines.marketdata.scan import weights_of
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.store import audit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.hot import StoredWeight, add_weight, lock_weights, stored_weights

ACTOR = "hot usefulness"
SET, MOVED = "hot.weight_set", "hot.weight_moved"
MOST_WEIGHT = 1000.0


def set_hot_weight(
    engine: Engine,
    settings: Settings,
    signature: Signature,
    *,
    factor: str,
    weight: float,
) -> Receipt:
    """Set the weight of a factor, from the next scan on; usefulness moves it around this one from then on.

    Raises
    ------
    ConfigurationError
        If there is no such factor, the weight is no number from 0 to 1,000, or no factor would be left with
        a weight.
    """
    if factor not in NAMES:
        raise ConfigurationError(unknown_name("factor of the hot score", factor, NAMES))
    if not (math.isfinite(weight) and 0.0 <= weight <= MOST_WEIGHT):
        raise ConfigurationError(f"weight of {factor} is {weight:g}; expected a number from 0 to 1,000")
    exchange = settings.exchange.id
    with transaction(engine) as connection:
        lock_weights(connection)
        known = weights_of(connection, exchange, settings.hotlist)
        if weight == 0.0 and not any(one.weight for name, one in known.items() if name != factor):
            raise ConfigurationError(
                f"weight of {factor} is 0 as are all others; expected weights that sum to something"
            )
        now, operator = utc_now(), signature.operator
        row = StoredWeight(factor, weight, "person", operator, signature.reason, now)
        add_weight(connection, exchange, row)
        before, span = known[factor].weight, settings.hotlist.weight_span
        detail = {"reason": signature.reason, "before": before, "after": weight}
        audit_id = audit.append(connection, operator, SET, f"factor:{factor}", detail)
    summary = (
        f"{factor} weighs {weight:g} from the next scan on (before: {before:g}); its usefulness moves it "
        f"between {weight / span:g} and {weight * span:g}"
    )
    return Receipt(SET, f"factor:{factor}", summary, audit_id)


def move_weights(
    engine: Engine, exchange: str, settings: HotListSettings, seen: Iterable[Usefulness], clock: Clock
) -> list[Move]:
    """Move weights by what was measured against returns, within their bounds and once a UTC day each."""
    now = clock_time(clock)
    with transaction(engine) as connection:
        lock_weights(connection)
        known = weights_of(connection, exchange, settings)
        moved_at = {one.factor: one.made_at for one in stored_weights(connection, exchange, "measured")}
        made = []
        for one in seen:
            last = moved_at.get(one.ranking)
            if one.target != "return" or one.ranking not in known or (last and last.date() == now.date()):
                continue
            move = move_of(known[one.ranking], one, settings.weight_step)
            if move is None:
                continue
            row = StoredWeight(move.factor, move.after, "measured", ACTOR, move.reason, now)
            add_weight(connection, exchange, row)
            detail = {"reason": move.reason, "before": move.before, "after": move.after}
            audit.append(connection, ACTOR, MOVED, f"factor:{move.factor}", detail)
            made.append(move)
    return made
