"""The verdict on a search that another tool made: its best trial against all that were tried.

There is no walk-forward in it: every number is in-sample, so the deflated Sharpe ratio decides, and it admits
nothing to anything.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import OptimizationError, unknown_name
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.core.timeframes import YEAR_DAYS
from quant_pipelines.metrics import max_drawdown, total_return
from quant_pipelines.metrics.rounding import is_rounding
from quant_pipelines.optimize.capital_gates import LOSS_IS_LIKELY
from quant_pipelines.optimize.gates import CAPITAL, Gate, at_least, at_most
from quant_pipelines.optimize.imported import ImportedSearch, ImportedTrial, trial_key
from quant_pipelines.optimize.outcome import CapitalDecision
from quant_pipelines.optimize.overfit import (
    Moments,
    cross_validate,
    effective_number_of_trials,
    expected_maximum_sharpe,
    minimum_track_record_length,
    moments_of,
    probabilistic_sharpe_ratio,
    sharpe_of_columns,
    sharpe_standard_error,
    trial_variance,
)

_NORMAL = NormalDist()
_LIKELY = 0.9
_PATIENCE_DAYS = 1095
_LEAST_DSR = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class ImportedJudgment:
    """What can be said of a search.

    Parameters
    ----------
    search, trials
        What was judged, and how many trials its best one was chosen from.
    trial
        The best by the search's own objective, else by its Sharpe ratio; None where none can be named.
    evidence
        Numbers by name: Sharpe ratios annualized by 365 days unless named per day, rates fractions.
    tests
        What was asked of it.
    decision, more_days
        See ``CapitalOutcome``; of days, about so many until the deflated Sharpe ratio is enough if the ratio
        stays as it is.
    fewest_more_days, most_more_days
        The same at the ends of the 80 % range of the Sharpe ratio.
    reasons
        One sentence each for what keeps it from passing.
    unknown
        Why a number can't be told, by its name.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.optimize.imported import ImportedSearch
    >>> from quant_pipelines.optimize.imported_verdict import ImportedJudgment
    >>> search = ImportedSearch("a tool", "trend", (), np.empty(0, dtype=np.int64))
    >>> ImportedJudgment(search, 40, None, {}).decision  # nothing is known of its trials
    'undecided'
    """

    search: ImportedSearch
    trials: int
    trial: ImportedTrial | None
    evidence: dict[str, Any]
    tests: tuple[Gate, ...] = ()
    decision: CapitalDecision = "undecided"
    more_days: int | None = None
    fewest_more_days: int | None = None
    most_more_days: int | None = None
    reasons: tuple[str, ...] = ()
    unknown: dict[str, str] = field(default_factory=dict)


class Judging(NamedTuple):
    """How a search is judged.

    Parameters
    ----------
    gates, blocks
        Thresholds, and blocks of the cross-validation.
    trials
        How many were tried in all, where the file holds fewer; None takes those of the file.
    trial
        Name of the trial to judge; empty takes the best.

    Examples
    --------
    >>> from quant_pipelines.core.settings import GateSettings
    >>> from quant_pipelines.optimize.imported_verdict import Judging
    >>> Judging(GateSettings(), trials=5000).blocks
    8
    """

    gates: GateSettings
    blocks: int = 8
    trials: int | None = None
    trial: str = ""


def judge_imported(search: ImportedSearch, judging: Judging) -> ImportedJudgment:
    """Judge the best trial of a search by all that were tried.

    Notes
    -----
    The deflated Sharpe ratio (Bailey, López de Prado 2014, The Deflated Sharpe Ratio, Journal of Portfolio
    Management 40(5), equation 2) compares with the best that as many worthless trials would show. It decides,
    unless the search is overfit: the in-sample best ranks below the median too often (PBO), *and* loses out
    of sample in more than half of the splits. Where no likely Sharpe ratio would pass within three years of
    days, the search is refused.

    Raises
    ------
    OptimizationError
        If a trial is named that does not exist, or fewer trials than the file holds.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.settings import GateSettings
    >>> from quant_pipelines.core.timeframes import DAY_MS
    >>> from quant_pipelines.optimize.imported import ImportedSearch, ImportedTrial
    >>> from quant_pipelines.optimize.imported_verdict import Judging, judge_imported
    >>> luck = np.random.default_rng(1).normal(0.0, 0.01, (365, 50))
    >>> trials = tuple(ImportedTrial(f"{number}", returns=one) for number, one in enumerate(luck.T))
    >>> judgment = judge_imported(
    ...     ImportedSearch("columns", "luck", trials, np.arange(365) * DAY_MS), Judging(GateSettings())
    ... )
    >>> judgment.trials, judgment.decision, round(judgment.evidence["psr"], 2)  # the best of 50 looks good
    (50, 'refused', 0.97)
    """
    tried = _tried(search, judging.trials)
    chosen = _chosen(search, judging.trial)
    matrix = _returns_of(search)
    if chosen is None or chosen.returns is None:
        why = search.missing_returns or "no trial has daily returns"
        if chosen is not None and matrix.shape[1]:
            why = f"trial {chosen.name} has no daily returns"
        names = ("sharpe", "dsr", "pbo", "probability_of_loss", "minimum_track_record_days", "more_days")
        unknown = {"trial": _no_best(search)} if chosen is None else {}
        unknown |= dict.fromkeys(names, why)
        return ImportedJudgment(search, tried, chosen, {}, reasons=(why,), unknown=unknown)
    return _judged(search, tried, chosen, judging, matrix)


def _judged(
    search: ImportedSearch, tried: int, chosen: ImportedTrial, judging: Judging, matrix: FloatArray
) -> ImportedJudgment:
    returns = np.asarray(chosen.returns)
    moments = moments_of(returns)
    unknown: dict[str, str] = {}
    luck, effective = _luck(matrix, tried, unknown)
    evidence = _evidence(returns, moments) | {
        "effective_trials": effective,
        "trials_with_returns": matrix.shape[1],
        "luck_sharpe": None if luck is None else luck * YEAR_DAYS**0.5,
    }
    evidence |= _cross_validated(matrix, judging.blocks, unknown)
    dsr = _deflated(moments, luck, unknown)
    evidence |= {"dsr": dsr}
    tests = _tests(evidence, judging.gates, tried)
    days = _days(moments, luck, _LEAST_DSR)
    evidence["minimum_track_record_days"] = days.at_observed
    is_overfit = not any(test.passed for test in tests[1:]) and all(test.value is not None for test in tests)
    decision, more = _decided(tests[0], days, moments.n_observations, is_overfit=is_overfit)
    if decision != "passed" and more[0] is None:
        unknown["more_days"] = unknown.get("dsr", "at this Sharpe ratio no number of days would do")
    if is_overfit:
        unknown["more_days"] = "the search is overfit, which no number of days mends"
    return ImportedJudgment(
        search,
        tried,
        chosen,
        evidence,
        tests,
        decision,
        *more,
        reasons=_reasons(tests, decision, is_overfit=is_overfit),
        unknown=unknown,
    )


def _tried(search: ImportedSearch, given: int | None) -> int:
    if given is not None and given < search.distinct:
        raise OptimizationError(
            f"trials is {given}, but the file holds {search.distinct}; expected all that were tried"
        )
    return search.distinct if given is None else given


def _chosen(search: ImportedSearch, name: str) -> ImportedTrial | None:
    if name:
        found = [trial for trial in search.trials if trial.name == name]
        if not found:
            raise OptimizationError(unknown_name("trial", name, [trial.name for trial in search.trials][:50]))
        return found[0]
    complete = [trial for trial in search.trials if trial.status == "complete"]
    if search.goal is not None:
        sign = 1.0 if search.goal == "highest" else -1.0
        values = np.array([math.nan if one.value is None else sign * one.value for one in complete])
        values[~np.isfinite(values)] = -np.inf
        return complete[int(np.argmax(values))] if np.isfinite(values).any() else None
    with_returns = {index: one.returns for index, one in enumerate(complete) if one.returns is not None}
    if not with_returns:
        return None
    sharpes = sharpe_of_columns(np.column_stack([*with_returns.values()]))
    return complete[[*with_returns][int(np.argmax(sharpes))]]


def _no_best(search: ImportedSearch) -> str:
    if search.goal is None:
        return "the file names no one objective, so none is the best"
    return f"no trial has a finite {search.objective}"


def _returns_of(search: ImportedSearch) -> FloatArray:
    """Daily returns of all trials that have them, repeated parameters once; shape (n_days, n_trials)."""
    kept: dict[str, FloatArray] = {}
    for trial in search.begun:
        if trial.returns is not None:
            kept.setdefault(trial_key(trial), trial.returns)
    return np.column_stack([*kept.values()]) if kept else np.empty((search.days.size, 0))


def _luck(matrix: FloatArray, tried: int, unknown: dict[str, str]) -> tuple[float | None, float | None]:
    """Sharpe ratio a day that the best of as many worthless trials shows, and how many count.

    Where trials have no returns, those that have may be the best that were kept, which are alike: the others
    count whole, and all scatter at the least by the error of a worthless ratio, ``1 / sqrt(n - 1)`` a day
    (Lo, 2002, The Statistics of Sharpe Ratios, Financial Analysts Journal 58(4)).
    """
    if tried == 1:
        return 0.0, 1.0
    moving = np.count_nonzero(~is_rounding(matrix.std(axis=0), matrix)) if len(matrix) else 0
    if moving < 2:
        why = f"{moving} of {tried} trials have daily returns that move; expected 2 to tell their scatter"
        unknown |= {"dsr": why, "effective_trials": why}
        return None, None
    unseen = tried - matrix.shape[1]
    effective = effective_number_of_trials(matrix) + unseen
    variance = trial_variance(sharpe_of_columns(matrix))
    if unseen:
        variance = max(variance, 1.0 / (len(matrix) - 1))
    return expected_maximum_sharpe(n_trials=effective, trial_variance=variance), effective


def _evidence(returns: FloatArray, moments: Moments) -> dict[str, Any]:
    return {
        "days": moments.n_observations,
        "total_return": total_return(returns),
        "mean_daily_return": float(returns.mean()) if returns.size else None,
        "sharpe": moments.sharpe * YEAR_DAYS**0.5,
        "skew": moments.skew,
        "kurtosis": moments.kurtosis,
        "max_drawdown": max_drawdown(returns),
        "psr": probabilistic_sharpe_ratio(**moments._asdict()) if moments.n_observations > 1 else None,
    }


def _cross_validated(matrix: FloatArray, blocks: int, unknown: dict[str, str]) -> dict[str, float | None]:
    n_days, n_trials = matrix.shape
    if n_trials < 2 or n_days < 2 * blocks:
        why = f"{n_trials} trials of {n_days} days have daily returns; expected 2 of {2 * blocks} or more"
        unknown |= dict.fromkeys(("pbo", "probability_of_loss"), why)
        return {"pbo": None, "probability_of_loss": None}
    found = cross_validate(matrix, n_blocks=blocks)
    return {"pbo": found.probability_of_overfitting, "probability_of_loss": found.probability_of_loss}


def _deflated(moments: Moments, luck: float | None, unknown: dict[str, str]) -> float | None:
    if luck is None:
        return None
    if moments.n_observations < 2 or math.isnan(moments.sharpe):
        unknown["dsr"] = f"its {moments.n_observations} daily returns do not move"
        return None
    return probabilistic_sharpe_ratio(**moments._asdict(), benchmark=luck)


def _tests(evidence: Mapping[str, Any], gates: GateSettings, tried: int) -> tuple[Gate, ...]:
    effective = evidence["effective_trials"]
    told = "an unknown number" if effective is None else f"{effective:.0f}"
    return (
        at_least(
            "dsr",
            evidence["dsr"],
            _LEAST_DSR,
            gate=CAPITAL,
            detail=f"probability that it beats the best of {tried} worthless trials, {told} effective",
        ),
        at_most(
            "pbo",
            evidence["pbo"],
            gates.capital_max_pbo,
            gate=CAPITAL,
            detail="probability of backtest overfitting; refuses only together with probability_of_loss",
        ),
        at_most(
            "probability_of_loss",
            evidence["probability_of_loss"],
            LOSS_IS_LIKELY,
            gate=CAPITAL,
            detail="share of the splits whose in-sample best earns nothing in the other half",
        ),
    )


class _Days(NamedTuple):
    """Length of the record that would do at the observed Sharpe ratio and at the ends of its range."""

    at_observed: float
    at_high: float
    at_low: float


def _days(moments: Moments, luck: float | None, confidence: float) -> _Days:
    if luck is None or moments.n_observations < 2 or math.isnan(moments.sharpe):
        return _Days(math.nan, math.nan, math.nan)
    shape = {"skew": moments.skew, "kurtosis": moments.kurtosis}
    half = _NORMAL.inv_cdf(_LIKELY) * sharpe_standard_error(**moments._asdict())
    lengths = (
        minimum_track_record_length(sharpe, benchmark=luck, confidence=confidence, **shape)
        for sharpe in (moments.sharpe, moments.sharpe + half, moments.sharpe - half)
    )
    return _Days(*lengths)


def _decided(
    dsr: Gate, days: _Days, n_days: int, *, is_overfit: bool
) -> tuple[CapitalDecision, tuple[int | None, int | None, int | None]]:
    more = (_more(days.at_observed, n_days), _more(days.at_high, n_days), _more(days.at_low, n_days))
    if is_overfit:
        return "refused", (None, None, None)
    if dsr.passed:
        return "passed", (0, 0, 0)
    is_hopeless = not math.isnan(days.at_high) and days.at_high - n_days > _PATIENCE_DAYS
    return ("refused" if is_hopeless else "undecided"), more


def _more(needed: float, n_days: int) -> int | None:
    return max(math.ceil(needed) - n_days, 1) if math.isfinite(needed) else None


def _reasons(tests: tuple[Gate, ...], decision: CapitalDecision, *, is_overfit: bool) -> tuple[str, ...]:
    if decision == "passed":
        return ()
    return tuple(test.reason for test in (tests if is_overfit else tests[:1]) if not test.passed)
