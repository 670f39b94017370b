from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from live_runner.book.plan import DeploymentPlan, plan_of
from live_runner.venue.opening import require_alone
from quant_pipelines.core.errors import ConfigurationError, StrategyError
from quant_pipelines.core.stages import Stage
from tests.in_process import in_process
from tests.unit.live_runner.test_races import DEPLOYMENT

SOURCE = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Stops, Strategy


class Guarded(Strategy):
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2), atr_stop=Float(3.0, low=1.0, high=6.0))

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))
"""


def test_the_settings_of_a_paper_book_know_every_stop_of_the_strategy() -> None:
    terms = plan_of(replace(DEPLOYMENT, source=SOURCE), in_process).paper_settings.terms
    assert (terms.stops.hard, terms.stops.atr) == (0.05, 3.0)


def test_a_strategy_of_several_symbols_is_refused() -> None:
    together = SOURCE.replace("    stops =", "    inputs = Inputs(symbols=2)\n    stops =")
    deployment = replace(DEPLOYMENT, source=together.replace("Stops, Strategy", "Inputs, Stops, Strategy"))
    with pytest.raises(ConfigurationError, match=r"trades 2 symbols together; .* is traded alone"):
        plan_of(deployment, in_process)


def test_a_leg_is_of_a_strategy_of_so_many_symbols() -> None:
    together = SOURCE.replace("    stops =", "    inputs = Inputs(symbols=2)\n    stops =")
    leg = replace(DEPLOYMENT, source=together.replace("Stops, Strategy", "Inputs, Stops, Strategy"), set_id=3)
    assert plan_of(replace(leg, n_legs=2), in_process).deployment.names == ("deployment:3", leg.key)
    with pytest.raises(ConfigurationError, match=r"trades 2 symbols together; .* is a leg of 3"):
        plan_of(replace(leg, n_legs=3), in_process)
    with pytest.raises(ConfigurationError, match=r"trades 1 symbol together; .* is a leg of 2"):
        plan_of(replace(leg, source=SOURCE, n_legs=2), in_process)


def test_a_strategy_that_reads_a_finer_timeframe_than_its_bars_is_not_taken_up() -> None:
    reading = SOURCE.replace("Stops, Strategy", "Inputs, Stops, Strategy")
    source = reading.replace("    stops =", '    inputs = Inputs(timeframes=("15m",))\n    stops =')
    with pytest.raises(StrategyError, match="timeframe 15m is finer than the bars; expected 1h or coarser"):
        plan_of(replace(DEPLOYMENT, source=source, timeframe="1h"), in_process)


EVENT_SOURCE = """
from quant_pipelines.sdk import Bars, Desk, EventStrategy


class Waiting(EventStrategy):
    def on_bar(self, desk: Desk, bars: Bars) -> None:
        desk.limit(0.5, 0.9 * desk.price)
"""


def plan_in(stage: Stage, source: str) -> DeploymentPlan:
    return plan_of(replace(DEPLOYMENT, source=source, stage=stage), in_process)


def beside(plan: DeploymentPlan) -> Any:
    deployment = replace(plan.deployment, id=8)
    plan = replace(plan, deployment=deployment)
    return SimpleNamespace(plan=plan, key=deployment.key, is_leaving=deployment.is_leaving)


@pytest.mark.parametrize("first", [SOURCE, EVENT_SOURCE])
def test_an_event_strategy_shares_no_position_while_it_decides(first: str) -> None:
    plan, other = plan_in("canary", first), beside(plan_in("canary", EVENT_SOURCE))
    with pytest.raises(ConfigurationError, match="one of them is an event strategy; expected it to be alone"):
        require_alone(plan, [other])
    require_alone(other.plan, [])


@pytest.mark.parametrize("source", [SOURCE, EVENT_SOURCE])
@pytest.mark.parametrize(("stage", "of_other"), [("retired", "canary"), ("canary", "retired")])
def test_what_leaves_closes_beside_whoever_has_its_place(source: str, stage: Stage, of_other: Stage) -> None:
    require_alone(plan_in(stage, EVENT_SOURCE), [beside(plan_in(of_other, source))])
    require_alone(plan_in(stage, source), [beside(plan_in(of_other, EVENT_SOURCE))])
