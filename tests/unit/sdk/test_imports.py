import pytest

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk import compile_strategy

SOUND = """
import math
from collections.abc import Sequence
from quant_pipelines.core.jit import kernel
from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Strategy


class Sound(Strategy):
    pass
"""


def test_a_strategy_may_use_arrays_the_sdk_and_what_computes() -> None:
    assert compile_strategy("sound", SOUND).strategy_class.__name__ == "Sound"


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ("import os", "os"),
        ("import os.path as path", "os.path"),
        ("from subprocess import run", "subprocess"),
        ("from . import ema_cross", "."),
        ("from strategies import ema_cross", "strategies"),
        ("from quant_pipelines.store import bars", "quant_pipelines.store"),
        ("import numpyx", "numpyx"),
        ("SECRET = open('/etc/hostname')", "open"),
        ("eval('1')", "eval"),
        ("kernel.__globals__", "__globals__"),
        ("import numpy as np; np.fromfile('x')", "fromfile"),
    ],
)
def test_what_a_strategy_may_not_use_is_named_with_its_line(line: str, used: str) -> None:
    with pytest.raises(StrategyError) as refused:
        compile_strategy("reaching", SOUND + line)
    assert f"strategy reaching: uses {used} in line 11" in str(refused.value)
