"""The search of another tool: its best trial is compared with the luck of all that were tried."""

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import OptimizationError
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.imported import ImportedSearch, ImportedTrial
from quant_pipelines.optimize.imported_verdict import ImportedJudgment, Judging, judge_imported
from quant_pipelines.optimize.overfit import (
    deflated_sharpe_ratio,
    effective_number_of_trials,
    moments_of,
    probabilistic_sharpe_ratio,
    sharpe_of_columns,
    trial_variance,
)
from quant_pipelines.reports.imported_trials import told_decision

N_DAYS = 720


def search_of(returns: FloatArray, *, repeated: int = 0) -> ImportedSearch:
    """Search whose trials have these daily returns; its first one is there again so many times."""
    trials = [
        ImportedTrial(f"{number}", {"fast": number}, returns=one) for number, one in enumerate(returns.T)
    ]
    trials += [trials[0]._replace(name=f"again {number}") for number in range(repeated)]
    return ImportedSearch("columns", "trend", tuple(trials), DAY_MS * np.arange(len(returns)))


def luck(n_trials: int, *, sharpe: float = 0.0, seed: int = 1) -> FloatArray:
    """Independent days, of which the last trial has an annual Sharpe ratio of its own."""
    returns = np.random.default_rng(seed).normal(0.0, 0.01, (N_DAYS, n_trials))
    returns[:, -1] += 0.01 * sharpe / 365**0.5 - returns[:, -1].mean()
    return returns


def judged(search: ImportedSearch, **given: object) -> ImportedJudgment:
    return judge_imported(search, Judging(GateSettings(), **given))  # type: ignore[arg-type]


def test_the_best_is_deflated_by_every_trial_of_the_file() -> None:
    returns = luck(40)
    judgment = judged(search_of(returns))
    best = int(np.argmax(sharpe_of_columns(returns)))
    moments = moments_of(returns[:, best])
    expected = deflated_sharpe_ratio(
        **moments._asdict(),
        n_trials=effective_number_of_trials(returns),
        trial_variance=trial_variance(sharpe_of_columns(returns)),
    )
    assert judgment.trial is not None
    assert judgment.trial.name == f"{best}"
    assert judgment.trials == 40
    assert judgment.evidence["dsr"] == expected
    assert judgment.decision != "passed"


def test_repeated_parameters_change_nothing() -> None:
    returns = luck(20)
    once, often = judged(search_of(returns)), judged(search_of(returns, repeated=500))
    assert often.search.repeated == 500
    assert (often.trials, often.evidence) == (once.trials, once.evidence)


def test_trials_that_the_file_does_not_hold_lower_the_verdict() -> None:
    search = search_of(luck(20, sharpe=3.0))
    few, many = judged(search), judged(search, trials=5000)
    assert many.trials == 5000
    assert many.evidence["dsr"] < few.evidence["dsr"]


@pytest.mark.parametrize("kept", [2, 10, 50])
def test_the_best_that_were_kept_of_a_search_are_not_all_its_luck(kept: int) -> None:
    """They are alike, so that their own scatter is nearly none; the luck of all is what they were kept by."""
    returns = np.random.default_rng(1).normal(0.0, 0.01, (365, 2000))
    best = np.argsort(-sharpe_of_columns(returns))[:kept]
    judgment = judged(search_of(returns[:, best]), trials=2000)
    whole = judged(search_of(returns))
    assert whole.decision != "passed"
    assert judgment.decision != "passed"
    assert judgment.evidence["luck_sharpe"] == pytest.approx(whole.evidence["luck_sharpe"], rel=0.1)


def test_neighbors_of_the_best_say_nothing_of_those_that_were_not_kept() -> None:
    best = np.random.default_rng(1).normal(0.0, 0.01, (365, 2000))
    best = best[:, [int(np.argmax(sharpe_of_columns(best)))]]
    neighbors = best + np.random.default_rng(2).normal(0.0, 3e-4, (365, 20))
    judgment = judged(search_of(neighbors), trials=2000)
    assert 1980.0 < judgment.evidence["effective_trials"] < 2000.0
    assert judgment.decision != "passed"


def test_skill_beyond_the_luck_of_so_many_passes() -> None:
    judgment = judged(search_of(luck(40, sharpe=5.0)))
    assert (judgment.decision, judgment.more_days, judgment.reasons) == ("passed", 0, ())


def test_the_days_that_are_told_would_do() -> None:
    judgment = judged(search_of(luck(40, sharpe=2.2)))
    assert judgment.decision == "undecided"
    assert judgment.more_days is not None
    moments = moments_of(np.asarray(judgment.trial.returns))  # type: ignore[union-attr]
    benchmark = judgment.evidence["luck_sharpe"] / 365**0.5

    def dsr(n_days: int) -> float:
        shape = moments._asdict() | {"n_observations": n_days}
        return probabilistic_sharpe_ratio(**shape, benchmark=benchmark)

    needed = N_DAYS + judgment.more_days
    assert dsr(needed) >= 0.95 > dsr(needed - 1)
    assert judgment.fewest_more_days is not None
    assert judgment.fewest_more_days < judgment.more_days
    assert judgment.reasons[0].startswith("dsr is ")


def test_a_search_that_earns_nothing_out_of_its_best_is_refused() -> None:
    """Each trial shines in one block and loses in all others: the best of one half fails in the other."""
    blocks = np.full((8, 8), -0.004) + 0.05 * np.eye(8)
    noise = np.random.default_rng(3).normal(0.0, 0.002, (N_DAYS, 8))
    judgment = judged(search_of(np.repeat(blocks, N_DAYS // 8, axis=0) + noise))
    assert judgment.evidence["pbo"] > 0.5
    assert judgment.evidence["probability_of_loss"] > 0.5
    assert (judgment.decision, judgment.more_days) == ("refused", None)
    assert {"pbo", "probability_of_loss"} <= {reason.split()[0] for reason in judgment.reasons}


def test_a_hopeless_search_is_refused() -> None:
    judgment = judged(search_of(luck(1) - 0.01))
    assert (judgment.decision, judgment.more_days) == ("refused", None)
    assert judgment.unknown["more_days"] == "at this Sharpe ratio no number of days would do"


def test_a_ratio_at_the_luck_of_its_search_is_told_by_the_end_of_its_range() -> None:
    judgment = judged(search_of(luck(200, sharpe=1.7)), trial="199")
    assert judgment.evidence["sharpe"] < judgment.evidence["luck_sharpe"]
    assert (judgment.decision, judgment.more_days, judgment.most_more_days) == ("undecided", None, None)
    told = f"About {judgment.fewest_more_days} more days, if its true Sharpe ratio is at the upper end"
    assert told in told_decision(judgment)


def test_one_column_of_many_trials_can_not_be_deflated() -> None:
    judgment = judged(search_of(luck(1, sharpe=4.0)), trials=200)
    assert judgment.evidence["dsr"] is None
    assert judgment.decision == "undecided"
    assert judgment.unknown["dsr"].startswith("1 of 200 trials have daily returns that move")
    assert judgment.unknown["more_days"] == judgment.unknown["dsr"]


def test_one_trial_alone_is_judged_by_its_own_ratio() -> None:
    judgment = judged(search_of(luck(1, sharpe=2.5)))
    assert judgment.evidence["dsr"] == judgment.evidence["psr"]
    assert judgment.unknown["pbo"] == "1 trials of 720 days have daily returns; expected 2 of 16 or more"


def test_the_best_is_the_one_of_the_search_s_own_objective() -> None:
    trials = tuple(ImportedTrial(f"{value}", {"fast": value}, value=float(value)) for value in (3, 1, 2))
    waiting = ImportedTrial("0", None, "waiting", -9.0)
    empty = np.empty(0, dtype=np.int64)
    search = ImportedSearch("a tool", "trend", (*trials, waiting), empty, "loss", "lowest")
    judgment = judged(search)
    assert judgment.trial is trials[1]
    assert (judgment.trials, judgment.decision, judgment.more_days) == (3, "undecided", None)
    assert judgment.unknown["dsr"] == "no trial has daily returns"


def test_trials_without_any_value_have_no_best() -> None:
    trials = (ImportedTrial("1", {"fast": 1}, "failed"), ImportedTrial("2", {"fast": 2}, value=float("nan")))
    empty = np.empty(0, dtype=np.int64)
    judgment = judged(ImportedSearch("a tool", "trend", trials, empty, "loss", "lowest"))
    assert judgment.trial is None
    assert judgment.unknown["trial"] == "no trial has a finite loss"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trials": 3}, "trials is 3, but the file holds 20; expected all that were tried"),
        ({"trial": "99"}, "unknown trial '99'"),
    ],
)
def test_what_can_not_be_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(OptimizationError, match=message):
        judged(search_of(luck(20)), **given)
