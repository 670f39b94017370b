from dataclasses import replace
from typing import Any

import pytest

from live_runner.plan import plan_of
from live_runner.venue_broker import open_venue_broker
from quant_pipelines.core.errors import ConfigurationError
from tests.unit.live_runner.test_races import DEPLOYMENT

SOURCE = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Stops, Strategy


class Guarded(Strategy):
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2), {more})

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))
"""
LAYERED = replace(DEPLOYMENT, source=SOURCE.format(more="atr_stop=Float(3.0, low=1.0, high=6.0)"))
HARD_ONLY = replace(DEPLOYMENT, source=SOURCE.format(more=""))


def test_a_hard_stop_is_no_paper_only_stop() -> None:
    assert plan_of(HARD_ONLY).paper_only_stops == ()


def test_a_strategy_whose_stops_only_paper_executes_is_not_taken_up_at_a_venue() -> None:
    nothing: Any = None  # it is refused before the database is asked
    with pytest.raises(ConfigurationError, match="deployment:7 has atr_stop, which only paper executes"):
        open_venue_broker(nothing, plan_of(LAYERED), 1, stop_fraction=0.1, wire=nothing)


def test_a_strategy_of_several_symbols_is_refused() -> None:
    together = SOURCE.format(more="").replace("    stops", "    inputs = Inputs(symbols=2)\n    stops")
    deployment = replace(DEPLOYMENT, source=together.replace("Float,", "Float, Inputs,"))
    with pytest.raises(ConfigurationError, match="trades 2 symbols together; a deployment trades one symbol"):
        plan_of(deployment)
