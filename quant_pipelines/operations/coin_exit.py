"""A coin leaves the whitelist, positions first: what trades it ends by the life cycle, then its row goes.

What trades it is rolled back or cools, the runner closes what it holds, what is flat retires: the steps of
every other deployment. Until then the coin is *leaving*: it is not searched, and nothing new is admitted.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, clock_time
from quant_pipelines.core.errors import LifecycleError
from quant_pipelines.core.stages import LADDER, Rest, Stage
from quant_pipelines.operations.receipt import Receipt, Signature
from quant_pipelines.operations.stages import disable, roll_back
from quant_pipelines.store import audit
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.heartbeats import Alert, add_alert, alerted_since
from quant_pipelines.store.lifecycle import lock_screen
from quant_pipelines.store.requests import close_abandoned
from quant_pipelines.store.stages import StoredStage, read_stage
from quant_pipelines.store.whitelist import (
    Leaving,
    leaving_coins,
    lock_whitelist,
    mark_leaving,
    take_off,
    traders_of,
)

LEAVING, REMOVED = "coin.leaving", "coin.removed"
_PATIENCE = timedelta(days=1)
"""After which people are told, once, what a coin waits for: one bar of most deployments is over by then."""
_SHOWN = 10
"""Symbols of the whitelist that a refusal names at most."""
_COOLS: tuple[Stage, ...] = ("paper", "live")


class _Exit(NamedTuple):
    """A coin that leaves, and where."""

    engine: Engine
    exchange: str
    coin: Leaving
    clock: Clock

    @property
    def signature(self) -> Signature:
        return Signature(self.coin.operator, f"{self.coin.symbol} leaves the whitelist: {self.coin.reason}")


def remove_coin(engine: Engine, exchange: str, signature: Signature, *, symbol: str, clock: Clock) -> Receipt:
    """Take a symbol off the whitelist; its row goes once nothing trades it, which may take a few bars.

    Raises
    ------
    LifecycleError
        If the symbol is not on the whitelist, is leaving it already, or would leave nothing on it.
    """
    now = clock_time(clock)
    with transaction(engine) as connection:
        lock_screen(connection)  # what is admitted after this knows that the coin leaves
        listed = lock_whitelist(connection, exchange)
        _require_can_leave(symbol, listed)
        coin = Leaving(symbol, now, signature.operator, signature.reason)
        mark_leaving(connection, exchange, coin)
        traders = traders_of(connection, exchange, symbol)
        subject, detail = f"symbol:{symbol}", {"reason": signature.reason, "deployments": traders}
        audit_id = audit.append(connection, signature.operator, LEAVING, subject, detail)
    done = _advance(_Exit(engine, exchange, coin, clock))
    if isinstance(done, Receipt):
        return done
    return Receipt(
        LEAVING, subject, f"{symbol} leaves the whitelist once nothing trades it: {done}", audit_id
    )


def finish_exits(engine: Engine, exchange: str, clock: Clock) -> list[str]:
    """Go on with every coin that leaves; tells a sentence of each, and alerts where one waits long."""
    told = []
    for coin in leaving_coins(engine, exchange):
        found = _advance(_Exit(engine, exchange, coin, clock))
        if isinstance(found, Receipt):
            told.append(found.summary)
            continue
        told.append(found)
        if clock_time(clock) >= coin.since + _PATIENCE:
            _warn(engine, coin, found, clock)
    return told


def _warn(engine: Engine, coin: Leaving, why: str, clock: Clock) -> None:
    source, told = f"symbol:{coin.symbol}", f"{coin.symbol} can't leave the whitelist yet: {why}"
    with transaction(engine) as connection:
        if not alerted_since(connection, source, coin.since):
            add_alert(connection, Alert("warning", source, told, clock_time(clock)))


def _require_can_leave(symbol: str, listed: dict[str, Leaving | None]) -> None:
    if symbol not in listed:
        raise LifecycleError(
            f"{symbol} is not on the whitelist; expected one of {', '.join(sorted(listed)[:_SHOWN])}"
        )
    leaving = listed[symbol]
    if leaving is not None:
        raise LifecycleError(
            f"{symbol} is leaving the whitelist since {_shown(leaving.since)} (asked by {leaving.operator}); "
            "expected one that is not"
        )
    if not any(other != symbol and one is None for other, one in listed.items()):
        raise LifecycleError(
            f"{symbol} is the last symbol of the whitelist; expected another one there before it leaves"
        )


def _advance(leaving: _Exit) -> Receipt | str:
    """End what trades the coin, as far as the life cycle lets it; the receipt once the row is gone."""
    engine, exchange, coin, clock = leaving
    with transaction(engine) as connection:
        traders = traders_of(connection, exchange, coin.symbol)
    waiting = [told for one in traders if (told := _end(leaving, one))]
    if waiting:
        return "; ".join(waiting)
    now = clock_time(clock)
    with transaction(engine) as connection:
        listed = lock_whitelist(connection, exchange)
        if listed.get(coin.symbol) is None:
            return f"{coin.symbol} is gone"
        if traders_of(connection, exchange, coin.symbol):
            return f"{coin.symbol} is traded again; it leaves after that"
        take_off(connection, exchange, coin, now)
        close_abandoned(connection, exchange, now)
        detail = {"reason": coin.reason, "asked_at": coin.since.isoformat(), "deployments": traders}
        subject = f"symbol:{coin.symbol}"
        audit_id = audit.append(connection, coin.operator, REMOVED, subject, detail)
    summary = f"{coin.symbol} is off the whitelist; its history stays"
    return Receipt(REMOVED, subject, summary, audit_id)


def _end(leaving: _Exit, deployment_id: int) -> str:
    """Take a deployment's next steps towards its end; empty when it has ended, else why it has not."""
    try:
        stored = _read(leaving, deployment_id)
        if stored.stage in LADDER:
            _stop(leaving, stored)
        stored = _read(leaving, deployment_id)
        if stored.position:
            return f"{stored.key} ({stored.stage}) closes {stored.position.normalize():f} first"
        if stored.stage == "retired":
            return ""
        _rest(leaving, deployment_id, "retired")
    except LifecycleError as refusal:
        return str(refusal)
    return ""


def _stop(leaving: _Exit, stored: StoredStage) -> None:
    """First step out of a stage that trades: a challenger is taken back, others cool where they may."""
    if stored.stage in _COOLS and stored.challenges is None:
        _rest(leaving, stored.deployment_id, "cooling")
    else:
        engine, signature, clock = leaving.engine, leaving.signature, leaving.clock
        roll_back(engine, signature, deployment_id=stored.deployment_id, clock=clock)


def _rest(leaving: _Exit, deployment_id: int, target: Rest) -> None:
    engine, signature, clock = leaving.engine, leaving.signature, leaving.clock
    disable(engine, signature, deployment_id=deployment_id, target=target, clock=clock)


def _read(leaving: _Exit, deployment_id: int) -> StoredStage:
    with transaction(leaving.engine) as connection:
        stored = read_stage(connection, deployment_id)
    if stored is None:
        raise LifecycleError(f"deployment:{deployment_id} is gone; expected a deployment")
    return stored


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
