"""The looks of a calendar year at stored records, in order: what each said of everybody who was there.

A calendar year spends one error. Pools are asked at ``POOL_SHARE`` of it and their members at the rest, each
level by a step-down of its own; a record passes by itself, whether its pool has or not. A new year begins
with the whole error, new seats and the whole records. What passed stays passed, in later years too: the error
is the chance of a single false promotion in a year, and what was promoted is not promoted again. Taking back
is not the decision's: what trades is watched by its own triggers.

A decision that changes within a year is granted no new error. What its looks may spend is what the year
allows by then less what was spent before, and nothing is assumed of how the two decide together: the chance
that either errs is at most the sum of both (Bonferroni), which is the year's.

Who was asked once stays asked in that year by the days that it has, also where it ended or does not reach a
look: a candidate that was tried and given up counts as one that was kept.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from quant_pipelines.core.arrays import BoolArray
from quant_pipelines.optimize.capital.family import family_of
from quant_pipelines.optimize.capital.records import RecordDays, Unit
from quant_pipelines.optimize.capital.seating import FamilySeat, Seating
from quant_pipelines.optimize.decision import (
    POOL_SHARE,
    SPENDING,
    CapitalEvidence,
    DecidedBy,
    DecisionTerms,
    Look,
    LookResult,
    Pools,
    capital_outcome,
    critical_ahead,
    seen_at,
    superior_predictive_ability,
)
from quant_pipelines.optimize.decision.records import length_of_records

_MOST_DAYS = 1_000_000
_LEAST_SPA_DAYS = 3


class PassedBefore(NamedTuple):
    """What passed in looks before, of earlier calendar years or of another decision: it is not asked again.

    Parameters
    ----------
    records, pools
        Ids and names.
    n_looks
        Looks of this calendar year that another decision has taken. Their days and seats count, they are not
        replayed.
    spent
        Error of this calendar year that these have spent: the present decision has only the rest.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import PassedBefore
    >>> PassedBefore().records
    frozenset()
    """

    records: frozenset[int] = frozenset()
    pools: frozenset[str] = frozenset()
    n_looks: int = 0
    spent: float = 0.0


class RecordResult(NamedTuple):
    """What a look said of a record.

    Parameters
    ----------
    unit, seat
        Which, and where it was asked.
    evidence
        The decision and what it rests on.
    pool_passed
        Whether its pool has passed by then.
    is_beyond_tested
        Whether the second null was asked of all of its days.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import RecordResult
    >>> RecordResult._fields[:3]
    ('unit', 'seat', 'evidence')
    """

    unit: Unit
    seat: FamilySeat
    evidence: CapitalEvidence
    pool_passed: bool
    is_beyond_tested: bool


class CapitalLook(NamedTuple):
    """One look.

    Parameters
    ----------
    seating, look
        Who was asked, and when.
    terms
        What it was made by.
    n_pools
        Pools that were there.
    n_asked
        Records that were asked: those with a result, and those that a look of the year before has seen.
    block, symbol_block
        Days of a resampled block of the pools, and of the members inside them.
    alpha_spent
        Error that was spent by then, of the year's.
    critical
        Lowest that a tested pool would have had to exceed; None where nothing may be spent yet, or none is.
    results
        By record.

    Examples
    --------
    >>> from quant_pipelines.optimize.capital import CapitalLook
    >>> CapitalLook._fields[:3]
    ('seating', 'look', 'terms')
    """

    seating: Seating
    look: Look
    terms: DecisionTerms
    n_pools: int
    block: int
    symbol_block: int
    alpha_spent: float
    critical: float | None
    n_asked: int
    results: tuple[RecordResult, ...]


class _Seen(NamedTuple):
    """Both levels of a look."""

    pools: LookResult
    members: LookResult


class YearOfLooks:
    """The looks of a calendar year; earlier ones come out as they were, from days that never change.

    Parameters
    ----------
    records
        By id; all who have a seat, with their days up to the looks at which they were there.
    seatings
        The year's looks in order; see ``seated``.
    terms
        Those of the year's first look.
    before
        What passed in earlier years.

    Examples
    --------
    >>> from datetime import date
    >>> import numpy as np
    >>> from quant_pipelines.optimize.capital import RecordDays, Unit, YearOfLooks, seated
    >>> from quant_pipelines.optimize.decision import DecisionTerms
    >>> days = 0.01 * np.random.default_rng(1).standard_normal((365, 2)) + [0.003, 0.0]
    >>> records = {}
    >>> for number, name in enumerate(["ema", "rsi"]):
    ...     unit = Unit(number, name, "1h", "BTC", f"{name} 1h v1")
    ...     records[number] = RecordDays(unit, date(2026, 1, 1), days[:, number], *np.zeros((2, 365)))
    >>> seating = seated([*records.values()], [], date(2026, 12, 31))
    >>> year = YearOfLooks(records, [seating], DecisionTerms(n_paths=999))
    >>> (look,) = year.looks()
    >>> [(one.seat.record_id, one.evidence.decision, one.evidence.decided_by) for one in look.results]
    [(0, 'passed', 'pool'), (1, 'refused', 'pool')]
    >>> year.global_p_value(look) < 0.01
    True
    """

    def __init__(
        self,
        records: Mapping[int, RecordDays],
        seatings: Sequence[Seating],
        terms: DecisionTerms,
        before: PassedBefore = PassedBefore(),  # noqa: B008 - frozen
    ) -> None:
        self._records = records
        self._seatings = seatings
        self._terms = terms
        self._before = before
        self._family = family_of(records, seatings)

    def looks(self) -> Iterator[CapitalLook]:
        """Yield each look of the year in order, but for those of another decision.

        Raises
        ------
        OptimizationError
            If the terms can't be used.
        """
        family, first = self._family, self._before.n_looks
        pools = _ever(family.pools_present) & ~self._passed_pools
        members = _ever(family.members_present) & self._is_crowded & ~self._passed_members
        seen = zip(
            self._seen(family.pools, pools, POOL_SHARE),
            self._seen(family.members, members, 1.0 - POOL_SHARE),
            strict=True,
        )
        passed = set(self._before.records)
        for at, levels in enumerate(seen, start=first):
            look = self._look(_Seen(*levels), at, passed)
            passed |= {one.seat.record_id for one in look.results if one.evidence.decision == "passed"}
            yield look

    def global_p_value(self, look: CapitalLook) -> float:
        """Hansen's p value of the best member that was there: whether there is any edge at all."""
        family, n_days = self._family, look.look.n_days
        if n_days < _LEAST_SPA_DAYS:
            return 1.0
        is_here = family.members_present[family.looks.index(look.look)]
        return superior_predictive_ability(
            family.members.returns[:n_days, is_here],
            block=min(look.block, n_days),
            n_resamples=self._terms.n_paths,
            seed=self._terms.seed,
        )

    @cached_property
    def _passed_pools(self) -> BoolArray:
        return np.array([label in self._before.pools for label in self._family.pools.labels])

    @cached_property
    def _passed_members(self) -> BoolArray:
        """Members of which each record has passed in an earlier year."""
        done = np.array([number in self._before.records for number in self._family.record_ids])
        members = np.asarray(self._family.member_of)
        return np.array([done[members == member].all() for member in range(members.max() + 1)])

    @cached_property
    def _is_crowded(self) -> BoolArray:
        """Whether a member is asked beside its pool; one that is alone in a pool is that pool.

        A pool that passed in an earlier year did so by other days than those of whoever is alone in it now.
        """
        parents = self._family.parent_of
        return np.asarray(self._family.crowded | self._passed_pools[list(parents)])

    def _seen(self, level: Pools, asked: BoolArray, share: float) -> Iterator[LookResult]:
        first, looks = self._before.n_looks, self._family.looks
        terms, beyond = self._terms_of(share), level.beyond_holding
        return seen_at(level.returns, looks[first:], terms, beyond_holding=beyond, asked=asked[first:])

    def _terms_of(self, share: float) -> DecisionTerms:
        """Terms of a level that has a share of the error."""
        return self._terms._replace(alpha=share * self._terms.alpha, spent_before=share * self._before.spent)

    def _look(self, seen: _Seen, at: int, passed: Collection[int]) -> CapitalLook:
        look, spending = seen.pools.look, SPENDING[self._terms.spending]
        alpha, shares, before = self._terms.alpha, (POOL_SHARE, 1.0 - POOL_SHARE), self._before.spent
        criticals = seen.pools.critical[np.isfinite(seen.pools.critical)]
        return CapitalLook(
            seating=self._seatings[at],
            look=look,
            terms=self._terms,
            n_pools=int(self._family.pools_present[at].sum()),
            block=seen.pools.block,
            symbol_block=seen.members.block,
            alpha_spent=sum(max(spending(share * alpha, look.elapsed), share * before) for share in shares),
            critical=float(criticals.min()) if criticals.size else None,
            n_asked=len(_seats_by(self._seatings, at)),
            results=tuple(self._results(seen, at, passed)),
        )

    def _results(self, seen: _Seen, at: int, passed: Collection[int]) -> Iterator[RecordResult]:
        family, seating = self._family, self._seatings[at]
        pools, alone = seen.pools.passed | self._passed_pools, ~self._is_crowded[at]
        lengths = [family.pools.returns, family.members.returns]
        of_pools, of_members = (length_of_records(days[: seen.pools.look.n_days]) for days in lengths)
        n_asked = len(_seats_by(self._seatings, at))
        for seat in seating.seats:
            place = family.record_ids.index(seat.record_id)
            pool, member = family.pool_of[place], family.member_of[place]
            own = pools[pool] if alone[member] else seen.members.passed[member]
            has_passed = seat.record_id in passed or bool(own)
            last_day = seat.last_day or seating.look_day
            known = self._records[seat.record_id].since(seat.first_day).until(last_day)
            if alone[member]:
                # One that none of its records has moved yet has no day, however old they are.
                n_days = int(of_pools[pool]) or known.returns.size
                asked, share = _Question("pool", seen.pools, pool, n_days), POOL_SHARE
            else:
                asked = _Question("symbol", seen.members, member, int(of_members[member]))
                share = 1.0 - POOL_SHARE
            evidence = _evidence(asked, self._terms_of(share), has_passed=has_passed)._replace(
                tests=n_asked, look_day=seating.look_day, last_day=seat.last_day
            )
            yield RecordResult(known.unit, seat, evidence, bool(pools[pool]), known.is_held_known)


def _ever(present: BoolArray) -> BoolArray:
    """Whether somebody was there at a look or one before it."""
    return np.asarray(np.logical_or.accumulate(present, axis=0))


def _seats_by(seatings: Sequence[Seating], at: int) -> set[int]:
    return {seat.record_id for seating in seatings[: at + 1] for seat in seating.seats}


class _Question(NamedTuple):
    """The question that decides: of whom, what was seen, its place in it, and days of the record."""

    by: DecidedBy
    seen: LookResult
    place: int
    n_days: int


def _evidence(asked: _Question, terms: DecisionTerms, *, has_passed: bool) -> CapitalEvidence:
    seen, place = asked.seen, asked.place
    statistic, ahead = float(seen.statistics[place]), critical_ahead(seen, place, terms)
    is_known = math.isfinite(statistic)
    if not has_passed and not (is_known and math.isfinite(ahead.at_last)):
        lacking = _lacking_days(asked, terms)
        return CapitalEvidence("undecided", "too_short", fewest_more_days=lacking if lacking > 0 else None)
    outcome = capital_outcome(statistic, asked.n_days, ahead, passed=has_passed)
    critical = float(seen.critical[place])
    return CapitalEvidence(
        outcome.decision,
        asked.by,
        more_days=_told(outcome.more_days),
        fewest_more_days=_told(outcome.fewest_more_days),
        most_more_days=_told(outcome.most_more_days),
        statistic=statistic if is_known else None,
        critical=critical if math.isfinite(critical) else None,
        sharpe=outcome.sharpe,
        sharpe_low=outcome.sharpe_low,
        sharpe_high=outcome.sharpe_high,
    )


def _lacking_days(asked: _Question, terms: DecisionTerms) -> int:
    """Days until it is long enough to be tested; its whole blocks are counted from the first day of all."""
    n_days, block = asked.seen.look.n_days, asked.seen.block
    begin = n_days - asked.n_days
    blocks = terms.least_blocks - (-begin // block)
    return max(begin + terms.least_days, blocks * block) - n_days


def _told(days: int | None) -> int | None:
    """Days that a person may wait for; thousands of years are none."""
    return days if days is not None and days <= _MOST_DAYS else None
