"""What the page of a walk-forward says."""

from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.evidence import CapitalEvidence
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.gates import CAPITAL, PAPER, Gate
from quant_pipelines.optimize.purge import Fit
from quant_pipelines.optimize.searcher import Trial
from quant_pipelines.optimize.verdict import VerdictRecord
from quant_pipelines.optimize.walk_forward import FoldResult
from quant_pipelines.reports.numbers import NOTHING
from quant_pipelines.reports.stitched import Curve
from quant_pipelines.reports.walk_forward import INCUMBENT, JudgedWalk, render_walk
from tests.unit.reports.conftest import ReadPage

DAY_MS = 86_400_000

RECORD = VerdictRecord(
    strategy="ema_cross",
    content_hash="0123456789abcdef",
    exchange="binanceusdm",
    symbol="BTC/USDT:USDT",
    timeframe="1h",
    window_start_ms=0,
    window_end_ms=90 * DAY_MS,
    parameters={"fast": 12, "slow": 40},
    in_sample={"sharpe": 2.0},
    out_of_sample={"sharpe": None, "trades": 40},
    gates=(
        Gate("trades", 40.0, 30.0, True, PAPER, "closed trades out of sample"),
        Gate("psr", None, 0.95, False, CAPITAL, "a <b> of one"),
    ),
    daily_returns=(0.5, -0.5),
    id=12,
)


def fold(index: int, start_day: int, returns: list[float]) -> FoldResult:
    trials = tuple(Trial({"fast": fast, "slow": 4 * fast}, float(fast)) for fast in range(5, 20))
    fit = Fit(trials, {"fast": 12, "slow": 40}, np.array([0.1, 0.0]))
    start, end = start_day * DAY_MS, (start_day + len(returns)) * DAY_MS
    days = start + DAY_MS * np.arange(len(returns), dtype=np.int64)
    return FoldResult(
        Fold(index, 0, start, start, end), fit, OutOfSample(days, np.array(returns), ()), np.zeros((0, 0))
    )


WALK = JudgedWalk(RECORD, (fold(0, 88, [0.5]), fold(1, 89, [-0.5]), fold(2, 90, [])))


def test_page_shows_every_gate_with_value_threshold_and_result() -> None:
    rows = ReadPage(render_walk(WALK)).table("gate")
    assert rows["trades"] == ["passed", "40", "30", "paper", "closed trades out of sample"]
    assert rows["psr"] == ["not passed", "not known", "0.95", "capital", "a <b> of one"]


def test_page_shows_every_fold_in_and_out_of_sample() -> None:
    rows = ReadPage(render_walk(WALK)).table("fold")
    assert rows["1"][2:6] == ["10.00 %", "50.00 %", "0", "15"]
    assert rows["2"][3] == "-50.00 %"
    assert rows["3"][1:4] == [NOTHING, "10.00 %", NOTHING]


def test_page_compares_with_what_it_is_given() -> None:
    held = Curve("buy and hold", WALK.own.days, np.array([0.1, 0.1]))
    page = ReadPage(render_walk(replace(WALK, others=(held,))))
    names = [value for tag, name, value in page.attributes if tag == "path" and name == "data-name"]
    assert names == ["buy and hold", "out of sample", "out of sample"]


def test_sensitivity_frames_the_chosen_set() -> None:
    source = render_walk(WALK)
    assert "fast (down), slow (across)" in source
    assert source.count('chosen"') == 1


def test_page_of_few_trials_has_no_sensitivity() -> None:
    few = replace(WALK.folds[0].fit, trials=WALK.folds[0].fit.trials[:3])
    newest = replace(WALK.folds[-1], fit=few)
    page = ReadPage(render_walk(replace(WALK, folds=(*WALK.folds[:-1], newest))))
    assert "Sensitivity" not in page.headings


def test_text_is_escaped_and_nothing_is_loaded() -> None:
    source = render_walk(replace(WALK, record=replace(RECORD, strategy="<script>x</script>")))
    assert "<script>x" not in source
    assert "a &lt;b&gt; of one" in source
    assert "://" not in source


def test_record_alone_is_a_page() -> None:
    assert render_walk(JudgedWalk(RECORD)).startswith("<!doctype html>")


def test_record_without_out_of_sample_days_is_a_page() -> None:
    page = ReadPage(render_walk(JudgedWalk(replace(RECORD, daily_returns=(), gates=()))))
    assert "Stitched out of sample" in page.headings


def test_page_says_what_was_decided_on_capital_and_which_rule_decided() -> None:
    look = CapitalEvidence("undecided", "symbol", 120, 40, 900, 24, statistic=2.1, critical=3.4)
    source = render_walk(replace(WALK, record=RECORD.at_look(look)))
    assert "Capital" in ReadPage(source).headings
    assert "not yet decidable: about 120 more days (40 to 900); asked by itself" in source
    assert "<dt>Decided by</dt><dd>symbol</dd>" in source
    assert "2.1, must exceed 3.4" in source
    assert "prove no edge" in source


def test_page_names_the_rule_that_refuses_what_the_look_passes() -> None:
    gap = Gate("gaps_paid_for", 1.2, 3.0, False, CAPITAL, "gaps of 25%")
    record = replace(RECORD, gates=(*RECORD.gates, gap)).at_look(
        CapitalEvidence("passed", "symbol", tests=24)
    )
    source = render_walk(replace(WALK, record=record))
    assert "Capital refused: gaps_paid_for is 1.2, threshold 3: gaps of 25%." in source
    assert "<dt>Decided by</dt><dd>gaps paid for</dd>" in source


@pytest.mark.parametrize(
    ("edge", "told"),
    [(0.01, "365.00 % a year beyond the"), (0.0, "no difference is told")],
)
def test_the_difference_to_the_incumbent_is_that_of_the_same_days(edge: float, told: str) -> None:
    """What moves both cancels out; days that only one of them has are left out."""
    market = np.random.default_rng(1).normal(0.0, 0.03, 60)
    record = replace(RECORD, daily_returns=tuple((market + edge).tolist()))
    walk = JudgedWalk(record)
    common = slice(20, 60)
    incumbent = Curve(INCUMBENT, walk.own.days[common], market[common])
    assert told in render_walk(replace(walk, others=(incumbent,)))
    young = Curve(INCUMBENT, walk.own.days[55:], market[55:])
    assert "a year beyond the" not in render_walk(replace(walk, others=(young,)))
