"""The parts of a result add up, and are what the costs took."""

from dataclasses import replace

import pytest

from quant_pipelines.core.settings import CostSettings
from quant_pipelines.reports.attribution import attribute
from quant_pipelines.reports.run import BacktestRun
from tests.unit.reports.conftest import run_of

FREE = CostSettings(0.0, 0.0)


def test_parts_add_up_to_the_change_of_equity(run: BacktestRun) -> None:
    parts = attribute(run)
    total = parts.price - parts.slippage - parts.fees - parts.funding
    assert total == pytest.approx(run.result.final_equity - run.result.capital, rel=1e-12)
    assert parts.net == run.result.final_equity - run.result.capital


def test_price_part_is_what_the_same_positions_earn_without_costs(run: BacktestRun) -> None:
    free = run_of(costs=FREE)
    assert attribute(run).is_exact
    assert attribute(run).price == pytest.approx(free.result.final_equity - free.result.capital, rel=1e-9)


def test_half_the_spread_counts_as_slippage() -> None:
    wide = attribute(run_of(costs=CostSettings(0.0, 1.0, 0.0, 4.0)))
    narrow = attribute(run_of(costs=CostSettings(0.0, 3.0)))
    assert wide.slippage == pytest.approx(narrow.slippage, rel=1e-12)
    assert wide.fees == 0.0


def test_impact_is_an_estimate_that_is_near() -> None:
    parts = attribute(run_of(costs=CostSettings(0.0, 0.0, 0.0, 0.0, 50.0)))
    free = run_of(costs=FREE)
    assert not parts.is_exact
    assert parts.price == pytest.approx(
        free.result.final_equity - free.result.capital, abs=0.05 * parts.slippage
    )


def test_fills_of_limits_and_order_books_make_it_an_estimate(run: BacktestRun) -> None:
    assert not attribute(replace(run, has_other_fills=True)).is_exact
