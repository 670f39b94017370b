"""What the newest look says of one record: the part of a verdict that capital rests on."""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from quant_pipelines.optimize.outcome import CapitalDecision

DecidedBy: TypeAlias = Literal["symbol", "pool", "record", "too_short", "too_slow", "not_looked_at", "stale"]
"""Which question decided: the symbol by itself, the pool that it is alone in, the record as a family of its
own where no family is stored, too few days or blocks to be tested (or too few that move), a holding too long
for its days, no look since the record began, or a look that is too long ago."""


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
        told. Of a record that is too short to be tested, the fewest are those until it is; none if it is long
        enough but moves too seldom.
    tests
        Records that were asked in that look; all of them pay for the search.
    look_day
        Last UTC day that the look saw; None where there was none.
    statistic, critical
        Mean over its standard error, and what it would have had to exceed; None where it was not tested.
    sharpe, sharpe_low, sharpe_high
        Shrunk, annual, with its 80 % range; None where it was not tested.
    last_day
        Last of its days that the look saw; None where it reached the day of the look.

    Examples
    --------
    >>> from quant_pipelines.optimize.evidence import NOT_LOOKED_AT
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
    last_day: date | None = None


NOT_LOOKED_AT = CapitalEvidence("undecided", "not_looked_at")
"""Of a record that no look has seen."""

_DECIDERS: Mapping[DecidedBy, str] = MappingProxyType(
    {
        "symbol": "asked by itself",
        "pool": "asked as its strategy and timeframe, over all symbols",
        "record": "asked alone, and one record alone pays for no search",
        "too_short": "its record is too short to be tested",
        "too_slow": "it has fewer days than twenty of its longest holdings, too few to tell its scatter",
        "not_looked_at": "no look has seen it yet",
        "stale": "its evidence is stale: no look has seen it lately",
    }
)


class Freshness(NamedTuple):
    """Day on which evidence is asked for, and how old it may be then.

    Parameters
    ----------
    today
        UTC day of the question.
    most_age_days
        Days since the last of its days that a look has seen, at most (``ladder.evidence_max_days``).

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.evidence import Freshness
    >>> Freshness(date(2026, 3, 25), 21).most_age_days
    21
    """

    today: date
    most_age_days: int


def fresh_evidence(evidence: CapitalEvidence, fresh: Freshness) -> CapitalEvidence:
    """Evidence as it counts on a day: too long after what it rests on, it decides nothing.

    A record that left the family, or no longer grows, is seen by no further look: what was true of it then
    says little of now. Pages, texts, JSON documents and the ladder all say what this answers.

    Parameters
    ----------
    evidence
        What the newest look said.
    fresh
        Day of the question, and how old evidence may be.

    Examples
    --------
    >>> from datetime import date
    >>> from quant_pipelines.optimize.evidence import CapitalEvidence, Freshness, fresh_evidence
    >>> passed = CapitalEvidence("passed", "symbol", tests=24, look_day=date(2026, 3, 4))
    >>> fresh_evidence(passed, Freshness(date(2026, 3, 25), 21)) == passed
    True
    >>> stale = fresh_evidence(passed, Freshness(date(2026, 3, 26), 21))
    >>> stale.decision, stale.decided_by, stale.look_day
    ('undecided', 'stale', datetime.date(2026, 3, 4))
    """
    seen_until = evidence.last_day or evidence.look_day
    if seen_until is None or fresh.today - seen_until <= timedelta(days=fresh.most_age_days):
        return evidence
    return evidence._replace(
        decision="undecided",
        decided_by="stale",
        more_days=None,
        fewest_more_days=None,
        most_more_days=None,
    )


def told_outcome(evidence: CapitalEvidence) -> str:
    """Say in words what was decided, and about how many more days it takes.

    Examples
    --------
    >>> from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence, told_outcome
    >>> told_outcome(CapitalEvidence("undecided", "symbol", 120, 40, 900))
    'not yet decidable: about 120 more days (40 to 900)'
    >>> told_outcome(CapitalEvidence("undecided", "symbol", fewest_more_days=40))
    'not yet decidable: 40 more days at the least'
    >>> told_outcome(NOT_LOOKED_AT)
    "not yet decidable: how many more days it takes can't be told"
    """
    if evidence.decision == "passed":
        return "passed"
    if evidence.decision == "refused":
        return "refused: what is likely of it would need more days than are worth waiting for"
    more, fewest, most = evidence.more_days, evidence.fewest_more_days, evidence.most_more_days
    if more is not None:
        ends = [str(end) if end is not None else "?" for end in (fewest, most)]
        known = f" ({' to '.join(ends)})" if ends != ["?", "?"] else ""
        days = f"about {more} more days{known}"
    elif fewest is not None:
        days = f"{fewest} more days at the least"
    else:
        days = "how many more days it takes can't be told"
    return f"not yet decidable: {days}"


def told_decider(evidence: CapitalEvidence) -> str:
    """Say in words which question decided, among how many, and when.

    Examples
    --------
    >>> from datetime import date, timedelta
    >>> from quant_pipelines.optimize.evidence import CapitalEvidence, told_decider
    >>> told_decider(CapitalEvidence("passed", "symbol", tests=24, look_day=date(2026, 3, 4)))
    'asked by itself, 1 of 24 tests, look of 2026-03-04'
    """
    is_long = evidence.decided_by == "too_short" and evidence.fewest_more_days is None
    parts = ["its record moves too seldom to be tested" if is_long else _DECIDERS[evidence.decided_by]]
    if evidence.tests:
        parts.append(f"1 of {evidence.tests} tests" if evidence.tests > 1 else "the only test")
    if evidence.look_day is not None:
        parts.append(f"look of {evidence.look_day}")
    if evidence.last_day is not None:
        parts.append(f"its last day then {evidence.last_day}")
    return ", ".join(parts)
