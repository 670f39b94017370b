"""What a row of the table of filters says."""

from collections.abc import Callable
from typing import NamedTuple

from quant_pipelines.core.hotlist_settings import HotListSettings


class Tradability(NamedTuple):
    """How well a symbol can be traded, as of a scan.

    Parameters
    ----------
    symbol
        ccxt form.
    daily_volume
        Quote currency traded in the last 24 hours; 0 where no bar is stored.
    listed_days
        Days since it was listed; None where it is older than what is stored, and nobody knows by how much.
    smallest_order
        What the smallest order that the venue accepts costs, quote currency.
    """

    symbol: str
    daily_volume: float
    listed_days: float | None
    smallest_order: float


class Filter(NamedTuple):
    """One row: a reason to leave a symbol out of the scores.

    Parameters
    ----------
    name
        Word in the store and on pages.
    fault
        Empty where a symbol passes, else one sentence: what was seen, and what was expected.
    """

    name: str
    fault: Callable[[Tradability, HotListSettings], str]


class Exclusion(NamedTuple):
    """A symbol that a filter left out, and the sentence that says why."""

    symbol: str
    filter: str
    sentence: str
