"""Weights of the hot score: what people set, and how far measured usefulness may move it."""

from collections.abc import Mapping
from typing import NamedTuple

from quant_pipelines.core.hotlist_settings import HotListSettings
from quant_pipelines.hotlist.factors import FACTORS
from quant_pipelines.hotlist.usefulness import Usefulness

LEAST_MOVE = 1e-3
"""Relative change below which a weight stays what it is."""


class FactorWeight(NamedTuple):
    """Weight of a factor and the bounds that usefulness may move it within.

    Parameters
    ----------
    factor
        Name in the table of factors.
    weight
        In force.
    base
        What a person, else a setting, else the table says.
    low, high
        base / span and base * span.
    """

    factor: str
    weight: float
    base: float
    low: float
    high: float


class Move(NamedTuple):
    """A weight that measured usefulness moves."""

    factor: str
    before: float
    after: float
    reason: str


def weights_in_force(
    settings: HotListSettings, by_people: Mapping[str, float], newest: Mapping[str, float]
) -> dict[str, FactorWeight]:
    """Weight of every factor, by name.

    Parameters
    ----------
    settings
        Weights to begin with, and the span.
    by_people
        Newest weight that a person set, by factor.
    newest
        Newest weight of anybody, by factor; one outside of its bounds counts as the bound.
    """
    found = {}
    for name, _, _, weight, *_ in FACTORS:
        base = by_people.get(name, float(getattr(settings, f"{name}_weight", weight)))
        low, high = base / settings.weight_span, base * settings.weight_span
        found[name] = FactorWeight(name, min(max(newest.get(name, base), low), high), base, low, high)
    return found


def move_of(weight: FactorWeight, seen: Usefulness, step: float) -> Move | None:
    """Move that measured usefulness asks of a weight; None where it stays.

    Parameters
    ----------
    weight
        As it is, with its bounds.
    seen
        Usefulness of its factor.
    step
        Largest move, as a fraction of what the weight was.

    Notes
    -----
    Useful is a factor whose interval lies above 0: it goes up to its bound. A misleading one, below 0, goes
    down to it. Without a claim the weight goes back to what was set; too few hours leave it where it is.
    """
    goals = {"useful": weight.high, "misleading": weight.low, "none": weight.base, "too_few": weight.weight}
    low, high = weight.weight * (1.0 - step), weight.weight * (1.0 + step)
    after = min(max(goals[seen.claim], low), high)
    if abs(after - weight.weight) <= LEAST_MOVE * weight.weight:
        return None
    bounds = f"bounds {weight.low:.4g} to {weight.high:.4g} around {weight.base:.4g}"
    return Move(weight.factor, weight.weight, after, f"{seen.sentence}; {bounds}")
