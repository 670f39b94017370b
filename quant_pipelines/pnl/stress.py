"""What held positions lose in markets that no stop catches, now and after capital is shared out otherwise."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

FALL: Final = -0.30
"""Move of every price within an hour, a fraction."""
RARE_DEVIATIONS: Final = 2.33
"""Standard deviations of a day that is worse in one of a hundred, if days were normal."""
FUNDING_FACTOR: Final = 10.0


class StressedPosition(NamedTuple):
    """A position as a stress sees it.

    Parameters
    ----------
    value
        Signed, quote at the last price; NaN where that is not known.
    volatility
        Standard deviation of a day's return, a fraction; NaN where it is not known.
    funding
        Fraction of the notional that a long paid in the last 24 hours; NaN where it is not known.
    scale
        What the position becomes under the plan over what it is: the book's equity after over that before.
    """

    value: float
    volatility: float
    funding: float
    scale: float = 1.0


class StressOutcome(NamedTuple):
    """Profit or loss of a scenario, quote, negative is a loss; NaN where a part is not known."""

    name: str
    told: str
    before: float
    after: float


def stress(positions: Sequence[StressedPosition]) -> tuple[StressOutcome, ...]:
    """Value the three scenarios as positions are, and as they are under the plan.

    Parameters
    ----------
    positions
        Of one account or of all; none held gives zeros.

    Returns
    -------
    tuple of StressOutcome
        Every price falls at once; every position moves against its book by a rare day of its own, so that
        nothing hedges anything; a day of funding at ten times its rates.

    Examples
    --------
    >>> from quant_pipelines.pnl.stress import StressedPosition, stress
    >>> held = [StressedPosition(1_000.0, 0.05, 0.0003, 0.5), StressedPosition(-400.0, 0.04, 0.0003)]
    >>> [(one.name, round(one.before, 2), round(one.after, 2)) for one in stress(held)]
    [('fall', -180.0, -30.0), ('together', -153.78, -95.53), ('funding', -1.8, -0.3)]
    """
    before = [one._replace(scale=1.0) for one in positions]
    names = (
        ("fall", f"every price moves by {FALL:.0%} within an hour, and no stop fills before", _fall),
        (
            "together",
            f"correlations of 1: each position loses {RARE_DEVIATIONS} of its own daily deviations at once",
            _together,
        ),
        ("funding", f"a day of funding at {FUNDING_FACTOR:.0f} times the newest 24 hours' rates", _funding),
    )
    return tuple(
        StressOutcome(name, told, math.fsum(map(loss, before)), math.fsum(map(loss, positions)))
        for name, told, loss in names
    )


def _fall(one: StressedPosition) -> float:
    return one.value * one.scale * FALL


def _together(one: StressedPosition) -> float:
    return -abs(one.value) * one.scale * RARE_DEVIATIONS * one.volatility


def _funding(one: StressedPosition) -> float:
    return -one.value * one.scale * FUNDING_FACTOR * one.funding
