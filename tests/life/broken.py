"""Worlds that are broken on purpose, and what their checks must say: ``python -m tests.life --broken``."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, delete, insert, select, update

from quant_pipelines.core.income_kinds import TRANSFER
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.outages import OUTAGE
from quant_pipelines.store.tables import alerts, challenges, deployments, equity, income
from tests.life import duel
from tests.life.days import DayClock
from tests.life.scene import Scene
from tests.life.scenes import (
    busy,
    delisted,
    funding_flip,
    kept,
    money,
    outage,
    redenominated,
    restored,
    revised,
    small_lot,
)
from tests.life.truth import DAYS, SYMBOLS, Unit

REFIT_DAYS: Final = 7
BEGUN: Final = duel.BEGINS + REFIT_DAYS
"""An incumbent trades at the venue by then, and its challenger comes on that day."""
KEPT_UNTIL: Final = BEGUN + 14
"""By then a challenger of the first duel has won, and its book has gone on for days."""
STRIKES: Final = BEGUN + 3
"""Its canary has stood for two days at the end of it."""


def weekly(_unit: Unit, day: int) -> int:
    """Parameter of a day in a world whose duels come every week."""
    return 20 + (day - duel.BEGINS) // REFIT_DAYS


def short(scene: Scene) -> Scene:
    """Shorten a scene: one symbol, and a duel after a week."""
    return scene._replace(symbols=SYMBOLS[:1], window=weekly, verdict_days=REFIT_DAYS)


class Broken(NamedTuple):
    """A world, and how it is broken; whole, it must not be said to be.

    Parameters
    ----------
    scene
        Of the whole world.
    until
        Day on which it is looked at.
    sees
        What must be said of the broken world, all of it, and nothing of it of the whole one.
    blow
        Fields of the scene that are others in the broken world.
    spoil
        What befalls the broken world in the end.
    """

    scene: Scene
    until: int
    sees: tuple[str, ...]
    blow: Mapping[str, Any] = MappingProxyType({})
    spoil: Callable[[Engine], None] = lambda _engine: None

    @property
    def broken_scene(self) -> Scene:
        """Scene of the broken world."""
        return self.scene._replace(**self.blow)

    def says(self, violations: Iterable[str]) -> tuple[str, ...]:
        """Sentences among those of a world that tell of it."""
        return tuple(one for one in violations if any(part in one for part in self.sees))

    def lacks(self, violations: Iterable[str]) -> tuple[str, ...]:
        """What is not said among those of a world."""
        said = tuple(violations)
        return tuple(part for part in self.sees if not any(part in one for one in said))


def strikes_only(engine: Engine, clock: DayClock) -> bool:
    """Note what befalls a duel, and do nothing of it."""
    with transaction(engine) as connection:
        found, now = duel.struck(connection), duel.standing(connection, clock.now)
        if found is None and now is not None:
            duel.strike(connection, clock.now, now)
    return False


def untold_outage(engine: Engine) -> None:
    """Tell of an outage only afterwards: no guard has known of it."""
    with transaction(engine) as connection:
        found = duel.struck(connection)
        assert found is not None
        row = {"severity": "warning", "source": f"{OUTAGE}:venue", "message": "no answer", "detail": {}}
        connection.execute(insert(alerts).values(row | {"at": found.at}))


def pay_twice(engine: Engine) -> None:
    """Pay a book once more what it was paid."""
    with transaction(engine) as connection:
        flow = connection.execute(select(income).where(income.c.kind == TRANSFER)).mappings().first()
        assert flow is not None
        twice = dict(flow) | {"ts": flow["ts"] + timedelta(seconds=1)}
        connection.execute(insert(income).values({name: twice[name] for name in twice if name != "id"}))


def forget_revision(engine: Engine) -> None:
    """Take back what was told of days that were written anew."""
    with transaction(engine) as connection:
        connection.execute(delete(alerts).where(alerts.c.source == revised.SOURCE))


def lose_a_day(engine: Engine) -> None:
    """Take one of the last days of a book that took parameters out."""
    with transaction(engine) as connection:
        (one, *_) = kept.won(connection)
        own = select(deployments.c.id).where(
            (deployments.c.id == one.incumbent_id) | (deployments.c.set_id == one.incumbent_id)
        )
        days = select(equity.c.ts).where(equity.c.deployment_id.in_(own), equity.c.ts > one.ended_at)
        first, second, *_ = connection.execute(days.distinct().order_by(equity.c.ts)).scalars().all()
        assert first < second
        connection.execute(delete(equity).where(equity.c.deployment_id.in_(own), equity.c.ts == second))


def forget_a_leg(engine: Engine) -> None:
    """Let the legs of a book that took parameters have others."""
    with transaction(engine) as connection:
        (one, *_) = kept.won(connection)
        legs = update(deployments).where(deployments.c.set_id == one.incumbent_id)
        connection.execute(legs.values(parameters={"window": 5}))


def make_capital(engine: Engine) -> None:
    """Let a canary have begun with more than it was given."""
    with transaction(engine) as connection:
        canaries = select(challenges.c.canary_id).where(challenges.c.canary_id.is_not(None))
        richer = update(deployments).where(deployments.c.id.in_(canaries))
        connection.execute(richer.values(capital=deployments.c.capital + 1))


_NO_BUDGET = replace(
    duel.LADDER, live_loss_fraction=1.0, live_loss_deviations=100.0, canary_error=1e-300, cull_min_days=3650
)
_NO_BOUNDS = replace(duel.LADDER, canary_loss_fraction=1.0, canary_error=1e-300)
_NO_END = replace(_NO_BUDGET, canary_loss_fraction=1.0, canary_min_days=30)

_LOOKS_GO_ON: Final = STRIKES + revised.ACKNOWLEDGED_AFTER + 9
"""By then a look is due since a person has acknowledged what was revised."""
_TWO_COINS: Final = short(revised.SCENE)._replace(symbols=SYMBOLS[:2])
"""Of one record that was revised no look can be taken once its days do not count: the other's is."""

BROKEN: Final[dict[str, Broken]] = {
    "a coin that nobody takes off the list": Broken(
        short(delisted.SCENE), STRIKES + 5, ("which is delisted",), {"act": strikes_only}
    ),
    "a canary that can send no order": Broken(
        short(small_lot.SCENE),
        BEGUN + 4,
        ("below the smallest order",),
        {"act": partial(small_lot.lots, exchange="another")},
    ),
    "an older log that nobody is told of": Broken(
        short(restored.SCENE),
        BEGUN + 4,
        ("the log was accepted 0 times",),
        {"act": partial(restored.restore, tells=False)},
    ),
    "a step that makes capital": Broken(
        short(duel.DUEL), STRIKES, ("its canary began with",), spoil=make_capital
    ),
    "money that was paid twice": Broken(
        short(money.SCENE), STRIKES + 2, ("its capital is",), spoil=pay_twice
    ),
    "a guard that forgets another scale": Broken(
        short(redenominated.SCENE),
        STRIKES + redenominated.RECORDED_AFTER,
        ("whose price has another scale",),
        {"act": partial(redenominated.redenominate, is_forgotten=True)},
    ),
    "an outage that no guard knows of": Broken(
        short(outage.SCENE),
        STRIKES + outage.AWAY_DAYS,
        ("while the venue was away",),
        {"act": strikes_only},
        untold_outage,
    ),
    "canaries without a bound when funding flips": Broken(
        short(funding_flip.SCENE),
        funding_flip.FLIPS + 14,
        ("was won on", "became live when funding had flipped"),
        {"ladder": _NO_BOUNDS},
    ),
    "canaries that neither win nor go back when funding flips": Broken(
        short(funding_flip.SCENE),
        funding_flip.FLIPS + funding_flip.SOON.days + 1,
        ("goes on since before funding flipped",),
        {"ladder": _NO_END},
    ),
    "live books without a loss budget when funding flips": Broken(
        short(funding_flip.SCENE),
        funding_flip.FLIPS + funding_flip.RESTS.days + 1,
        (f"has paid funding for {funding_flip.RESTS.days} days and is live",),
        {"ladder": _NO_BUDGET},
    ),
    "revised days that nobody is told of": Broken(
        short(revised.SCENE), _LOOKS_GO_ON, ("and nobody was told",), spoil=forget_revision
    ),
    "a book that loses its days when it goes on with other parameters": Broken(
        short(kept.SCENE)._replace(symbols=(kept.SET,)), KEPT_UNTIL, ("has no day after",), spoil=lose_a_day
    ),
    "a leg that goes on with the old parameters": Broken(
        short(kept.SCENE)._replace(symbols=(kept.SET,)), KEPT_UNTIL, ("the change says",), spoil=forget_a_leg
    ),
    "looks that nobody lets go on": Broken(
        _TWO_COINS, _LOOKS_GO_ON, ("no look was taken since",), {"act": partial(revised.revise, after=DAYS)}
    ),
    "looks that go on over revised days": Broken(
        _TWO_COINS,
        _LOOKS_GO_ON,
        ("rests on days that were written anew",),
        {"act": partial(revised.revise, after=0)},
    ),
    "a busy version that says it is quiet": Broken(
        busy.SCENE._replace(symbols=SYMBOLS[:1]),
        busy.SOON,
        ("of the busy version", "trades a hundred times as often"),
        {"trades": {"a": 60, "b": 60}},
    ),
}
