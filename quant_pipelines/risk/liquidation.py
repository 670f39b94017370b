"""The stop that comes before the venue's liquidation: where it must stand, and what is wrong with one."""

import math
from typing import NamedTuple

from quant_pipelines.accounting.account import Account
from quant_pipelines.accounting.cross_margin import maintenance_margin
from quant_pipelines.accounting.margin import MarginTerms, liquidation_price

_WIDER = 1.5
"""A stop that is moved leaves so many buffers: the liquidation price may come nearer by half of one again."""


class StopFault(NamedTuple):
    """Why a stop does not come before the liquidation, in one sentence, and where it must be moved to."""

    sentence: str
    stop_price: float


class MarginThen(NamedTuple):
    """What backs a position while its price is ``mark_price``, quote per base.

    ``margin``: wallet and unrealized profit, quote; ``maintenance``: of all that it backs, quote, or 0 where
    that is this position alone.
    """

    mark_price: float
    margin: float
    maintenance: float


def liquidation_of(position: float, then: MarginThen, terms: MarginTerms) -> float | None:
    """Price at which a venue liquidates a position, all other prices staying; None: no price does.

    Parameters
    ----------
    position
        Base, signed; not 0.
    then
        Of the whole account, or of an isolated position its own.
    terms
        Maintenance brackets.

    Raises
    ------
    ValueError
        If something of it is missing, or no finite number.

    Notes
    -----
    `liquidation_price` for a position that was opened at the mark: the profit up to there is part of the
    margin, and what the others maintain is not.

    Examples
    --------
    >>> import numpy as np
    >>> terms = MarginTerms(np.array([[0.0, 0.02, 0.0]]), leverage=0.0, fee_rate=0.0)
    >>> liquidation_of(10.0, MarginThen(100.0, 1_200.0, 20.0), terms)  # it is worth 1,000
    >>> round(liquidation_of(10.0, MarginThen(100.0, 100.0, 20.0), terms), 4)  # (100 - 10) / 0.98
    91.8367
    """
    if not (all(map(math.isfinite, (position, *then))) and then.mark_price > 0.0 and terms.brackets.size):
        raise ValueError(f"margin {then}, {len(terms.brackets)} brackets; expected finite numbers and some")
    own = maintenance_margin(abs(position) * then.mark_price, terms)
    backing = then.margin - max(then.maintenance - own, 0.0)
    account = Account(backing, position, then.mark_price, 0.0, 0.0, 0.0)
    price = liquidation_price(account, terms)
    if position < 0.0:
        return price or then.mark_price  # some price liquidates every short: without margin left, this one
    return price or None


def stop_fault(
    position: float, stop_price: float, *, liquidation_price: float | None, buffer: float
) -> StopFault | None:
    """Tell what is wrong with a stop; None if it comes before the liquidation by the buffer.

    Parameters
    ----------
    position
        Base, signed.
    stop_price
        Quote per base; NaN where it is not known, which is a fault.
    liquidation_price
        Quote per base; None: no price liquidates the position.
    buffer
        Fraction of the liquidation price that must lie between. A part of the way from the mark would follow
        the market and move the stop with each look; this one moves with leverage, brackets and wallet only.

    Examples
    --------
    >>> stop_fault(1.0, 92.0, liquidation_price=90.0, buffer=0.02)
    >>> fault = stop_fault(1.0, 91.0, liquidation_price=90.0, buffer=0.02)
    >>> fault.sentence, round(fault.stop_price, 6)
    ('the stop at 91 is 1.11 % before the liquidation at 90; expected 2 %', 92.7)
    >>> stop_fault(-1.0, 120.0, liquidation_price=110.0, buffer=0.02).sentence
    'the stop at 120 is -9.09 % before the liquidation at 110; expected 2 %'
    """
    if position == 0.0 or liquidation_price is None:
        return None
    side = math.copysign(1.0, position)
    left = side * (stop_price / liquidation_price - 1.0)
    if left >= buffer * (1.0 - 1e-9):
        return None
    told = f"the stop at {stop_price:g} is {100 * left:.3g} %" if math.isfinite(left) else "no known stop is"
    sentence = f"{told} before the liquidation at {liquidation_price:g}; expected {100 * buffer:g} %"
    return StopFault(sentence, liquidation_price * (1.0 + side * _WIDER * buffer))
