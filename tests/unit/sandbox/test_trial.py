"""A strategy that is tried can't hurt the process that tries it."""

import os

import pytest

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sandbox.trial import Limits, try_strategy

TEMPLATE = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Strategy


class Tried(Strategy):
    def target(self, bars: Bars) -> Array:
        {body}
        return np.sign(np.diff(bars.close, prepend=bars.close[:1]))
"""

GENEROUS = Limits()


def faults(body: str, limits: Limits = GENEROUS) -> dict[str, str]:
    return {
        check.name: check.fault
        for check in try_strategy("tried", TEMPLATE.format(body=body), limits).checks
        if check.fault
    }


def test_a_sound_strategy_passes() -> None:
    assert faults("print('what it prints is not part of the answer')") == {}


def test_a_strategy_without_end_is_ended() -> None:
    with pytest.raises(StrategyError, match="did not answer in 3 s"):
        faults("while True: pass", Limits(seconds=3))


def test_memory_without_end_fails_the_strategy_alone() -> None:
    assert "MemoryError" in faults("hoard = np.ones((100_000, 100_000))")["range"]


def test_a_process_that_dies_is_reported() -> None:
    with pytest.raises(StrategyError, match="its trial was ended"):
        faults("raise SystemExit(3)")


def test_a_text_that_does_not_load_is_named() -> None:
    assert "syntax error in line 8" in faults("this is no Python")["loads"]


def test_the_environment_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", "postgresql://secret")
    assert "QUANT_DATABASE_URL" in os.environ
    assert "uses os in line 8" in faults("import os")["loads"]
