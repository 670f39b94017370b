"""The incumbent's symbol is delisted in a canary: a person takes the coin off the list, positions first."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from quant_pipelines.core.stages import LADDER
from quant_pipelines.operations.coin_exit import finish_exits, remove_coin
from quant_pipelines.operations.receipt import Signature
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import deployments, positions, verdicts, whitelist
from tests.life import duel
from tests.life.days import DayClock
from tests.life.truth import EXCHANGE, SYMBOLS

CLOSES_AFTER: Final = 2
"""Days until the runner has closed what the incumbent holds."""
GONE_AFTER: Final = CLOSES_AFTER + 1


def leave(engine: Engine, clock: DayClock) -> bool:
    """Take the coin of a duel off the whitelist, and go on with that day by day."""
    with transaction(engine) as connection:
        found, now = duel.struck(connection), duel.standing(connection, clock.now)
        if found is None and now is None:
            return False
        if found is None and now is not None:
            _list(connection, clock)
            _hold(connection, now.incumbent, now.symbol, clock)
            duel.strike(connection, clock.now, now)
            found = duel.struck(connection)
        assert found is not None
        symbol, since = found.duel["symbol"], found.days_since(clock)
        if since >= CLOSES_AFTER:
            connection.execute(delete(positions))
        asked = whitelist.c.leaving_since
        is_asked = connection.execute(select(asked).where(whitelist.c.symbol == symbol)).scalar()
    if not since and is_asked is None:
        remove_coin(engine, EXCHANGE, Signature("ann", "it is delisted"), symbol=symbol, clock=clock)
    finish_exits(engine, EXCHANGE, clock)
    return False


def _list(connection: Connection, clock: DayClock) -> None:
    row = {"exchange": EXCHANGE, "added_at": clock.now, "added_by": "ann"}
    connection.execute(insert(whitelist), [row | {"symbol": symbol} for symbol in SYMBOLS])


def _hold(connection: Connection, key: int, symbol: str, clock: DayClock) -> None:
    row = {"deployment_id": key, "symbol": symbol, "quantity": Decimal(1), "entry_price": Decimal(1)}
    row |= {"realized_pnl": Decimal(0), "updated_at": clock.now}
    connection.execute(upsert(positions).values(row).on_conflict_do_nothing())


def check(engine: Engine, clock: DayClock) -> Iterator[str]:
    """The canary goes back first, the incumbent closes before it ends, and nothing trades the coin again."""
    with transaction(engine) as connection:
        found = duel.struck(connection)
        if found is None or found.days_since(clock) < GONE_AFTER:
            return
        symbol, challenge = found.duel["symbol"], duel.challenge_of(connection, found)
        if challenge.outcome != "rolled_back":
            yield f"challenge {challenge.id} of the delisted {symbol} is {challenge.outcome}"
        elif duel.given_back(connection, found) != Decimal(found.duel["part"]):
            yield f"the incumbent got {duel.given_back(connection, found)} of {found.duel['part']} back"
        yield from _traded(connection, found)
        yield from _ended(connection, found)
        yield from _offered(connection, found)


def _traded(connection: Connection, found: duel.Strike) -> Iterator[str]:
    """Nothing trades the coin any more, or is given more of it."""
    symbol = found.duel["symbol"]
    own = (deployments.c.symbol == symbol) & deployments.c.stage.in_(LADDER)
    for key in connection.execute(select(deployments.c.id).where(own)).scalars():
        yield f"deployment:{key} trades {symbol}, which is delisted"
    if symbol in connection.execute(select(whitelist.c.symbol)).scalars().all():
        yield f"{symbol} is on the whitelist, days after its delisting"
    for gain in duel.gains(connection):
        if gain.symbol == symbol and gain.at > found.at:
            yield f"{gain.subject} got more of the delisted {symbol}"


def _offered(connection: Connection, found: duel.Strike) -> Iterator[str]:
    """What is offered on it is turned down by that rule."""
    columns = (verdicts.c.id, verdicts.c.decision, verdicts.c.reasons)
    own = (verdicts.c.symbol == found.duel["symbol"]) & (verdicts.c.decided_at > found.at)
    for row in connection.execute(select(*columns).where(own)):
        if row.decision != "rejected" or "whitelist" not in " ".join(row.reasons):
            yield f"verdict:{row.id} on a delisted coin is {row.decision}: {row.reasons}"


def _ended(connection: Connection, found: duel.Strike) -> Iterator[str]:
    """Positions first: the incumbent ends after what it held is closed."""
    key = int(found.duel["incumbent"])
    query = select(deployments.c.stage, deployments.c.stage_changed_at).where(deployments.c.id == key)
    row = connection.execute(query).one()
    if row.stage == "retired" and (row.stage_changed_at - found.at).days < CLOSES_AFTER:
        yield f"deployment:{key} ended while it held a position"


SCENE: Final = duel.DUEL._replace(act=leave, check=check, has_befallen=duel.has_befallen)
