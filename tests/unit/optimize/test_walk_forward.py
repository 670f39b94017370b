"""Walk-forward on a market whose best parameter is known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.search_settings import WindowSettings
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms
from quant_pipelines.optimize.evaluation import Edges, OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.judge import Context, judge
from quant_pipelines.optimize.space import Dimension, Parameters, Space
from quant_pipelines.optimize.walk_forward import FoldResult, Plan, walk_forward

END = day_start_ms("2025-06-11")  # an edge of the calendar
PLAN = Plan(
    Space((Dimension("window", 1, 40, True),), is_valid=lambda _: True),
    WindowSettings(train_days=20, test_days=10, folds=3, purge_hours=24),
    END,
    searcher="grid",
    trials=40,
    cover_points=16,
)


class KnownMarket:
    """Earns ``edge`` a day at window 7, less the farther away; each day's noise is the same for all sets."""

    def __init__(self, edge: float = 0.01) -> None:
        self.edge = edge
        self.searched: list[tuple[int, int]] = []
        self.covered: list[tuple[int, int]] = []

    def search(self, start_ms: int, end_ms: int, parameter_sets: Sequence[Parameters]) -> FloatArray:
        self.searched.append((start_ms, end_ms))
        days = np.arange(start_ms // DAY_MS, -(-end_ms // DAY_MS))
        return np.stack([self._returns(days, values) for values in parameter_sets], axis=1)

    def longest_holding_ms(self, start_ms: int, end_ms: int, parameters: Parameters) -> int:
        return 2 * DAY_MS

    def test(self, fold: Fold, parameters: Parameters | None, edges: Edges) -> OutOfSample:
        assert parameters is not None
        days = np.arange(edges.from_ms // DAY_MS, fold.test_end_ms // DAY_MS)
        returns = self._returns(days, parameters)
        trades = [
            {"pnl": float(value), "exit_time": int(day) * DAY_MS}
            for day, value in zip(days, returns, strict=True)
        ]
        return OutOfSample(days * DAY_MS, returns, tuple(trades))

    def cover(self, fold: Fold, parameter_sets: Sequence[Parameters]) -> FloatArray:
        self.covered.append((fold.test_start_ms, fold.test_end_ms))
        days = np.arange(fold.test_start_ms // DAY_MS, fold.test_end_ms // DAY_MS)
        return np.stack([self._returns(days, values) for values in parameter_sets], axis=1)

    def _returns(self, days: np.ndarray, values: Parameters) -> FloatArray:
        noise = np.sin(days * 1.7) * 0.01
        result: FloatArray = self.edge * (1 - abs(values["window"] - 7) / 80) + noise
        return result


class Alike(KnownMarket):
    """Earns the same whatever the parameters are."""

    def _returns(self, days: np.ndarray, values: Parameters) -> FloatArray:
        return super()._returns(days, {"window": 7})


class Silent(KnownMarket):
    """Never trades."""

    def _returns(self, days: np.ndarray, values: Parameters) -> FloatArray:
        return np.zeros(days.size)


def test_every_fold_finds_the_best_parameter_in_its_own_train_window() -> None:
    market = KnownMarket()
    result = walk_forward(market, PLAN)
    assert [one.fit.parameters for one in result.folds] == [{"window": 7}] * 4
    assert result.promoted is result.folds[-1].fit
    assert set(market.searched) == {(fold.train_start_ms, fold.train_end_ms) for fold in PLAN.folds}
    assert market.covered == [(fold.test_start_ms, fold.test_end_ms) for fold in PLAN.folds[:-1]]


def test_out_of_sample_is_stitched_without_gap_or_overlap() -> None:
    stitched = walk_forward(KnownMarket(), PLAN).out_of_sample
    assert np.all(np.diff(stitched.days) == DAY_MS)
    assert (stitched.days[0], stitched.days[-1]) == (END - 30 * DAY_MS, END - DAY_MS)
    assert len(stitched.trades) == stitched.returns.size == 30


def test_finished_folds_are_taken_as_they_are() -> None:
    stored: dict[int, FoldResult] = {}
    whole = walk_forward(KnownMarket(), PLAN, on_fold=lambda one: stored.update({one.fold.index: one}))
    assert sorted(stored) == [fold.index for fold in PLAN.folds]
    market = KnownMarket()
    resumed = walk_forward(market, PLAN, finished=stored)
    assert (market.searched, market.covered) == ([], [])
    assert np.array_equal(resumed.out_of_sample.returns, whole.out_of_sample.returns)


def test_next_night_adds_its_day_to_the_record_and_searches_nothing() -> None:
    record: dict[int, FoldResult] = {}
    for night in range(13):
        market, plan = KnownMarket(), replace(PLAN, end_ms=END + night * DAY_MS)
        before = {index: one.test for index, one in record.items()}
        told: list[FoldResult] = []
        grown = walk_forward(market, plan, finished=record, on_fold=told.append)
        record |= {one.fold.index: one for one in told}
        assert len(market.searched) == {0: 4, 10: 1}.get(night, 0)
        assert len(grown.out_of_sample.trades) == grown.out_of_sample.days.size == 30 + night
        assert grown.cover.shape == (30 + night, 16)
        for index, test in before.items():
            assert np.array_equal(record[index].test.returns[: test.returns.size], test.returns)
    anew = walk_forward(KnownMarket(), replace(plan, windows=replace(PLAN.windows, folds=5)))
    assert np.array_equal(anew.out_of_sample.returns, grown.out_of_sample.returns)
    assert np.array_equal(anew.cover, grown.cover)


def test_day_that_is_known_stays_where_today_would_compute_another() -> None:
    known = {one.fold.index: one for one in walk_forward(KnownMarket(0.01), PLAN).folds}
    tomorrow = walk_forward(KnownMarket(-0.5), replace(PLAN, end_ms=END + DAY_MS), finished=known)
    kept = {one.fold.index: one.test.returns for one in known.values()}
    *old, newest = tomorrow.folds
    assert all(np.array_equal(one.test.returns, kept[one.fold.index]) for one in old)
    assert newest.fit.parameters == {"window": 7}
    assert newest.test.returns.size == 1


def test_strategy_that_never_trades_stays_flat_and_fails_the_paper_screen() -> None:
    result = walk_forward(Silent(), PLAN)
    judgment = judge(result, Context(GateSettings()))
    assert result.promoted.parameters is None
    assert not result.out_of_sample.returns.any()
    gates = {gate.name: gate for gate in judgment.gates}
    assert gates["efficiency"].value is None
    assert not gates["trades"].passed
    assert not gates["out_of_sample_return"].passed


def test_sets_that_are_all_the_same_have_a_best_that_is_one_of_them_and_no_luck_to_deflate() -> None:
    """An objective that is equal for all ranks by nothing, and ends nothing."""
    result = walk_forward(Alike(), PLAN)
    judgment = judge(result, Context(GateSettings()))
    assert all(one.fit.parameters is not None for one in result.folds)
    assert np.isfinite(result.out_of_sample.returns).all()
    assert {gate.name for gate in judgment.gates} == {
        gate.name for gate in judge(walk_forward(KnownMarket(0.01), PLAN), Context(GateSettings())).gates
    }


@pytest.mark.parametrize(("edge", "passed"), [(0.01, True), (-0.02, False)])
def test_paper_gates_follow_the_edge(edge: float, passed: bool) -> None:
    judgment = judge(walk_forward(KnownMarket(edge), PLAN), Context(GateSettings()))
    paper = [gate.passed for gate in judgment.gates if gate.gate == "paper"]
    assert all(paper) == passed
    if passed:
        assert judgment.out_of_sample["efficiency"] == pytest.approx(1.0, abs=0.1)


def test_more_trials_before_lower_the_deflated_sharpe_ratio() -> None:
    finished = walk_forward(KnownMarket(0.003), PLAN)
    few = judge(finished, Context(GateSettings()))
    many = judge(finished, Context(GateSettings(), previous_trials=100_000))
    assert many.in_sample["trials"] == few.in_sample["trials"] + 100_000
    assert many.in_sample["dsr"] <= few.in_sample["dsr"]


def test_blocking_finding_fails_the_screen_and_is_named() -> None:
    context = Context(GateSettings(), blocking_findings=("3 x gaps",))
    gate = judge(walk_forward(KnownMarket(), PLAN), context).gates[0]
    assert (gate.name, gate.passed) == ("blocking_findings", False)
    assert "3 x gaps" in gate.reason


def test_a_later_end_leaves_every_day_and_the_folds_that_have_one_as_they_are() -> None:
    tonight = walk_forward(KnownMarket(), PLAN)
    for later in (1, 9):
        after = walk_forward(KnownMarket(), replace(PLAN, end_ms=END + later * DAY_MS))
        days, returns = after.out_of_sample.days, after.out_of_sample.returns
        is_old = days < END
        assert np.array_equal(returns[is_old], tonight.out_of_sample.returns[-is_old.sum() :])
        assert [one.fit.trials for one in after.folds[:2]] == [one.fit.trials for one in tonight.folds[1:3]]


@pytest.mark.parametrize(
    ("seen_ms", "days"),
    [
        (None, 0),
        (END, 0),
        (END - DAY_MS, 1),  # seen at a midnight: the day that begins then is the first
        (END - DAY_MS + 1, 0),
        (END - 12 * DAY_MS, 12),
        (END - 400 * DAY_MS, 30),
    ],
)
def test_days_after_the_text_was_first_seen_are_counted_apart(seen_ms: int | None, days: int) -> None:
    record = walk_forward(KnownMarket(), PLAN)
    limits = GateSettings(capital_min_unseen_days=12)
    judgment = judge(record, Context(limits, first_seen_ms=seen_ms))
    outside = judgment.out_of_sample
    returns = record.out_of_sample.returns[30 - days :]
    assert outside["days_unseen"] == days
    assert outside["unseen_total_return"] == pytest.approx(float(np.prod(1 + returns) - 1))
    gate = next(gate for gate in judgment.gates if gate.name == "days_unseen")
    assert (gate.gate, gate.passed) == ("capital", days >= 12)


def test_bars_are_executed_from_the_first_day_that_is_not_known() -> None:
    known = {one.fold.index: one for one in walk_forward(KnownMarket(), PLAN).folds}
    first, *_, finished, following = PLAN.folds
    assert PLAN.executed_from_ms({}) == first.train_start_ms
    assert PLAN.executed_from_ms(known) == END - DAY_MS
    without = {index: one for index, one in known.items() if index != following.index}
    assert PLAN.executed_from_ms(without) == following.train_start_ms
    tomorrow = replace(PLAN, end_ms=END + DAY_MS)
    assert tomorrow.executed_from_ms(known) == following.test_start_ms
    yesterday = walk_forward(KnownMarket(), replace(PLAN, end_ms=END - DAY_MS))
    begun = {one.fold.index: one for one in yesterday.folds}
    assert following.train_start_ms < finished.test_start_ms  # its days are missing, and so is the next fit
    assert PLAN.executed_from_ms(begun) == following.train_start_ms
