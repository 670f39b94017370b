"""Scenes of lived worlds by name: a row here, and a file."""

from typing import Final

from tests.life.duel import DUEL
from tests.life.scene import PEOPLE, Scene, named
from tests.life.scenes import (
    bull,
    busy,
    crash,
    delisted,
    funding_flip,
    kept,
    money,
    outage,
    redenominated,
    restored,
    revised,
    small_lot,
    sold_tail,
)

SCENES: Final[dict[str, Scene]] = {
    "plain": Scene(),
    "no_skill": Scene(named("noise_a", "noise_b", "noise_c")),
    "crash": crash.SCENE,
    "bull": bull.SCENE,
    "sold_tail": sold_tail.SCENE,
    "silent": Scene(people=PEOPLE[:1]),
    "money": money.SCENE,
    "busy": busy.SCENE,
    "duel": DUEL,
    "kept": kept.SCENE,
    "delisted": delisted.SCENE,
    "redenominated": redenominated.SCENE,
    "outage": outage.SCENE,
    "funding_flip": funding_flip.SCENE,
    "restored": restored.SCENE,
    "small_lot": small_lot.SCENE,
    "revised": revised.SCENE,
}
"""``plain`` is the world in which nothing befalls anybody."""
