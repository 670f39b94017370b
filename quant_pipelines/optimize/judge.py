"""From a finished walk-forward to its evidence and gates."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.known_funding import KnownFunding
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.core.timeframes import DAY_MS, YEAR_DAYS
from quant_pipelines.optimize.capital_gates import capital_gates, with_decision
from quant_pipelines.optimize.day_boundary import boundary_figures
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.evidence import NOT_LOOKED_AT, CapitalEvidence
from quant_pipelines.optimize.gates import PAPER, Gate, above, at_least, at_most
from quant_pipelines.optimize.known_cover import known_cover
from quant_pipelines.optimize.overfit import (
    Moments,
    bootstrap_sharpe_interval,
    cross_validate,
    deflated_sharpe_ratio,
    effective_number_of_trials,
    minimum_track_record_length,
    moments_of,
    probabilistic_sharpe_ratio,
    sharpe_of_columns,
    trial_variance,
)
from quant_pipelines.optimize.stress import gaps_paid_for
from quant_pipelines.optimize.walk_forward import WalkForward


@dataclass(frozen=True, slots=True)
class Context:
    """What a judgment needs besides the walk-forward.

    Parameters
    ----------
    gates
        Thresholds.
    blocks
        Blocks of the cross-validation that gives PBO.
    previous_trials
        Trials of earlier runs of this strategy and symbol on overlapping data: luck adds up.
    blocking_findings
        Unresolved faults of the data in the window; each is one sentence.
    known_funding
        Of what was held out of sample.
    first_seen_ms
        When the strategy's text was first seen, milliseconds UTC: its author may have known the days before,
        which count for the search and not for the proof. None if nothing says so.
    evidence
        What the newest look says of the record.
    largest_exposure
        Largest position held out of sample, notional over equity; 0 if none was.

    Examples
    --------
    >>> from quant_pipelines.core.settings import GateSettings
    >>> from quant_pipelines.optimize.judge import Context
    >>> Context(GateSettings(), previous_trials=128).previous_trials  # deflates the Sharpe ratio further
    128
    """

    gates: GateSettings
    blocks: int = 8
    previous_trials: int = 0
    blocking_findings: tuple[str, ...] = ()
    known_funding: KnownFunding = KnownFunding()  # noqa: RUF009 - a tuple
    first_seen_ms: int | None = None
    evidence: CapitalEvidence = NOT_LOOKED_AT
    largest_exposure: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgment:
    """Evidence and gates.

    Parameters
    ----------
    in_sample, out_of_sample
        Numbers by name; rates are fractions, Sharpe ratios annualized by 365 days unless named per day.
    gates
        Paper screen first.

    Examples
    --------
    >>> from quant_pipelines.optimize.gates import passed
    >>> from quant_pipelines.optimize.judge import Judgment, clean_data_gate
    >>> judgment = Judgment({"sharpe": 2.1}, {"sharpe": 0.4}, gates=(clean_data_gate(()),))
    >>> passed(judgment.gates, "paper")
    True
    """

    in_sample: dict[str, Any]
    out_of_sample: dict[str, Any]
    gates: tuple[Gate, ...]


def judge(finished: WalkForward, context: Context) -> Judgment:
    """Measure a walk-forward and hold it against the thresholds.

    Notes
    -----
    ``efficiency`` is the mean daily return of the stitched out-of-sample over the mean daily return of the
    winners in their own train windows. Both are arithmetic means per day, which is the ratio of annualized
    returns without the explosion that compounding ten days to a year would bring. It is not known when the
    winners did not earn in-sample; the gate then fails.

    Examples
    --------
    >>> import numpy as np
    >>> from quant_pipelines.core.settings import GateSettings
    >>> from quant_pipelines.optimize.evaluation import OutOfSample
    >>> from quant_pipelines.optimize.folds import Fold
    >>> from quant_pipelines.optimize.judge import Context, judge
    >>> from quant_pipelines.optimize.purge import Fit
    >>> from quant_pipelines.optimize.walk_forward import FoldResult, WalkForward
    >>> fit = Fit((), {"window": 20}, returns=np.array([0.02, 0.04, 0.0]))  # earned 2 % a day in sample
    >>> test = OutOfSample(np.arange(3), np.array([0.01, -0.01, 0.03]), ())  # and 1 % out of it
    >>> fold = FoldResult(Fold(0, 0, 0, 0, 0), fit, test, np.zeros((3, 0)))
    >>> judgment = judge(WalkForward((fold,)), Context(GateSettings()))
    >>> judgment.out_of_sample["days"], round(judgment.out_of_sample["efficiency"], 6)
    (3, 0.5)
    >>> [gate.name for gate in judgment.gates if gate.passed]
    ['blocking_findings', 'known_funding', 'out_of_sample_return', 'efficiency', 'pbo']
    """
    record = finished.out_of_sample
    outside = _out_of_sample(record) | _unseen(record, context.first_seen_ms) | _stress(record, context)
    outside |= _days_apart(record) | boundary_figures(record)
    inside = _in_sample(finished, context)
    daily = outside["mean_daily_return"]
    earned = inside["mean_daily_return"]
    outside["efficiency"] = daily / earned if earned > 0 else None
    gates = (*_paper_gates(outside, context), *capital_gates(inside, outside, context.gates))
    return Judgment(inside, outside, with_decision(gates, context.evidence))


def _out_of_sample(stitched: OutOfSample) -> dict[str, Any]:
    moments = moments_of(stitched.returns)
    shape = {"skew": moments.skew, "kurtosis": moments.kurtosis}
    low, high = (np.nan, np.nan) if np.isnan(moments.sharpe) else bootstrap_sharpe_interval(stitched.returns)
    return {
        **_returns_document(stitched.returns, moments),
        "trades": len(stitched.trades),
        "win_rate": _win_rate([trade["pnl"] for trade in stitched.trades]),
        "psr": probabilistic_sharpe_ratio(**moments._asdict()) if moments.n_observations >= 2 else None,
        "minimum_track_record_days": minimum_track_record_length(moments.sharpe, **shape),
        "sharpe_low": low * YEAR_DAYS**0.5,
        "sharpe_high": high * YEAR_DAYS**0.5,
    }


def _unseen(record: OutOfSample, first_seen_ms: int | None) -> dict[str, Any]:
    """Tell of the days that began after the text was first seen, of a symbol that was on the list by then."""
    is_after = record.days >= (np.inf if first_seen_ms is None else first_seen_ms)
    returns = record.returns[is_after & record.is_listed]
    return {
        "days_unseen": returns.size,
        "unseen_total_return": float(np.prod(1.0 + returns) - 1.0),
        "unseen_sharpe": moments_of(returns).sharpe * YEAR_DAYS**0.5 if returns.size > 1 else None,
    }


def _days_apart(record: OutOfSample) -> dict[str, Any]:
    """Count the days that are not tested, and those between its days that no run has computed."""
    span = (record.days[-1] - record.days[0]) // DAY_MS + 1 if record.days.size else 0
    return {
        "days_before_listing": int((~record.is_listed).sum()),
        "days_missing": int(span - record.days.size),
    }


def _stress(record: OutOfSample, context: Context) -> dict[str, Any]:
    """Hold what the tested days have earned against the largest position of all days."""
    exposure, gap = context.largest_exposure, context.gates.capital_stress_gap
    return {
        "largest_exposure": exposure,
        "gaps_paid_for": gaps_paid_for(record.returns[record.is_listed], exposure, gap),
    }


def _in_sample(finished: WalkForward, context: Context) -> dict[str, Any]:
    winners = [result.fit.returns for result in finished.folds if result.fit.returns.size]
    earned = float(np.mean([returns.mean() for returns in winners])) if winners else 0.0
    known, promoted = known_cover(finished.cover), moments_of(finished.promoted.returns)
    cover = known.returns
    sharpes = sharpe_of_columns(cover)
    variance = trial_variance(sharpes)
    n_trials = finished.n_trials + context.previous_trials
    effective = effective_number_of_trials(cover, n_trials=n_trials)
    overfitting, loss = _overfitting(cover, context.blocks)
    return {
        **_returns_document(finished.promoted.returns, promoted),
        "mean_daily_return": earned,
        "own_trials": finished.n_trials,
        "trials": n_trials,
        "effective_trials": effective,
        "trial_variance_per_day": variance,
        "dsr": _deflated(promoted, effective, variance) if known.is_enough else None,
        "pbo": overfitting,
        "probability_of_loss": loss,
        "cover_sets_broken": known.broken_sets,
        "cover_days_broken": known.broken_days,
    }


def _returns_document(returns: FloatArray, moments: Moments) -> dict[str, Any]:
    equity = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    drawdown = 1.0 - equity / np.maximum.accumulate(equity)
    return {
        "days": moments.n_observations,
        "total_return": float(equity[-1] - 1.0),
        "mean_daily_return": float(returns.mean()) if returns.size else 0.0,
        "sharpe": moments.sharpe * YEAR_DAYS**0.5,
        "skew": moments.skew,
        "kurtosis": moments.kurtosis,
        "max_drawdown": -float(drawdown.max()),
    }


def _win_rate(profits: list[float]) -> float | None:
    return sum(profit > 0 for profit in profits) / len(profits) if profits else None


def _deflated(moments: Moments, n_trials: float, variance: float) -> float | None:
    if moments.n_observations < 2:
        return None
    return deflated_sharpe_ratio(
        moments.sharpe,
        n_observations=moments.n_observations,
        n_trials=n_trials,
        trial_variance=variance,
        skew=moments.skew,
        kurtosis=moments.kurtosis,
    )


def _overfitting(returns: FloatArray, blocks: int) -> tuple[float | None, float | None]:
    """Probability of overfitting, and that the best loses; not known with too few days or sets."""
    n_days, n_sets = returns.shape
    if n_sets < 2 or n_days < 2 * blocks:
        return None, None
    found = cross_validate(returns, n_blocks=blocks)
    return found.probability_of_overfitting, found.probability_of_loss


def _paper_gates(outside: dict[str, Any], context: Context) -> tuple[Gate, ...]:
    limits, findings = context.gates, context.blocking_findings
    return (
        clean_data_gate(findings),
        known_funding_gate(context.known_funding, limits.paper_min_known_funding),
        at_least(
            "trades",
            outside["trades"],
            limits.paper_min_trades,
            gate=PAPER,
            detail="closed trades out of sample",
        ),
        above(
            "out_of_sample_return",
            outside["total_return"],
            limits.paper_min_return,
            gate=PAPER,
            detail="stitched return after fees, slippage and funding, as a fraction",
        ),
        at_least(
            "efficiency",
            outside["efficiency"],
            limits.paper_min_efficiency,
            gate=PAPER,
            detail="daily return out of sample over in-sample; not known without an in-sample gain",
        ),
    )


def clean_data_gate(findings: tuple[str, ...]) -> Gate:
    """Gate that no unresolved blocking fault lies in the window.

    Examples
    --------
    >>> from quant_pipelines.optimize.judge import clean_data_gate
    >>> clean_data_gate(()).passed
    True
    >>> clean_data_gate(("3 bars are missing on 2026-01-05",)).reason
    'blocking_findings is 1, threshold 0: 3 bars are missing on 2026-01-05'
    """
    detail = "; ".join(findings[:3]) or "no unresolved blocking fault in the window"
    return at_most("blocking_findings", len(findings), 0.0, gate=PAPER, detail=detail)


def known_funding_gate(known: KnownFunding, threshold: float) -> Gate:
    """Gate that funding is known for enough of the time in which a position was held.

    Examples
    --------
    >>> from quant_pipelines.core.known_funding import KnownFunding
    >>> from quant_pipelines.optimize.judge import known_funding_gate
    >>> known_funding_gate(KnownFunding(held_ms=100, known_ms=40), 0.95).reason
    'known_funding is 0.4, threshold 0.95: share of the time held out of sample whose funding is known'
    """
    detail = "share of the time held out of sample whose funding is known"
    if known.missing:
        detail = f"{detail}; {known.missing} missing"
    return at_least("known_funding", known.share, threshold, gate=PAPER, detail=detail)
