"""What the newest look says of one record: the part of a verdict that capital rests on."""

from datetime import date
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.optimize.decision.outcome import CapitalDecision

DecidedBy: TypeAlias = Literal["symbol", "pool", "record", "too_short", "not_looked_at"]
"""Which question decided: the symbol inside its pool, the pool itself, the record as a family of its own
(where no family is stored), too few days or blocks to be tested, or no look since the record began."""


class CapitalEvidence(NamedTuple):
    """Decision on a record at the newest look.

    Parameters
    ----------
    decision
        Passed, refused, or undecided.
    decided_by
        Which question decided.
    more_days, fewest_more_days, most_more_days
        About so many more days until it would pass, with the ends of their range; None where none can be
        told.
    tests
        Records that were asked in that look; all of them pay for the search.
    look_day
        Last UTC day that the look saw; None where there was none.
    statistic, critical
        Mean over its standard error, and what it would have had to exceed; None where it was not tested.
    sharpe, sharpe_low, sharpe_high
        Shrunk, annual, with its 80 % range; None where it was not tested.

    Examples
    --------
    >>> from quant_pipelines.optimize.decision import NOT_LOOKED_AT
    >>> NOT_LOOKED_AT.decision, NOT_LOOKED_AT.decided_by, NOT_LOOKED_AT.tests
    ('undecided', 'not_looked_at', 0)
    """

    decision: CapitalDecision
    decided_by: DecidedBy
    more_days: int | None = None
    fewest_more_days: int | None = None
    most_more_days: int | None = None
    tests: int = 0
    look_day: date | None = None
    statistic: float | None = None
    critical: float | None = None
    sharpe: float | None = None
    sharpe_low: float | None = None
    sharpe_high: float | None = None


NOT_LOOKED_AT = CapitalEvidence("undecided", "not_looked_at")
"""Of a record that no look has seen."""
