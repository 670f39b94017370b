"""The C twin, built with ``cc`` when it is asked for; see ``twin.c``."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from quant_pipelines.backtest.market.tape import LoopTerms, Tape
from quant_pipelines.backtest.market.targets import Targets
from quant_pipelines.core.arrays import FloatArray

FLAGS = ("-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")


class TwinResult(NamedTuple):
    final_equity: float
    max_drawdown: float
    n_trades: int
    fees: float
    funding: float
    bars_held: int


class Twin:
    """One book, lane 0 of the terms.

    Parameters
    ----------
    tape, targets, terms, cash
        What the kernel is called with.
    n_days
        Days of the tape.
    """

    def __init__(self, tape: Tape, targets: Targets, terms: LoopTerms, *, cash: float, n_days: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        library = Path(self._folder.name) / "twin.so"
        source = Path(__file__).with_name("twin.c")
        subprocess.run([_compiler(), *FLAGS, "-o", str(library), str(source), "-lm"], check=True)
        self._run = ctypes.CDLL(str(library)).run
        self._run.restype = None
        trading, step, stops = terms.trading, terms.step, terms.stops[0]
        margin, costs = step.margin, step.costs
        self._terms = np.array(
            [
                costs.fee_rate,
                costs.slippage_rate,
                costs.maker_rate,
                stops[0],
                stops[7],
                stops[3],
                trading.lot_size,
                trading.min_notional,
                trading.rebalance_band,
                margin.brackets[0, 1],
                margin.leverage,
                margin.fee_rate,
                cash,
            ]
        )
        self._inputs = (tape.ts, tape.open, tape.high, tape.low, tape.close, tape.atr)
        self._lists = (targets.bar, targets.value, tape.funding_bar, tape.funding_per_unit)
        self.daily_equity: FloatArray = np.zeros(n_days)
        self.trades: FloatArray = np.zeros((8192, 10))
        self._out = np.zeros(6)

    def run(self) -> TwinResult:
        bars = [_pointer(array) for array in self._inputs]
        lists = [_pointer(array) for array in self._lists]
        self._run(
            *bars,
            ctypes.c_int64(self._inputs[0].size),
            *lists,
            ctypes.c_int64(self._lists[2].size),
            _pointer(self._terms),
            _pointer(self.daily_equity),
            _pointer(self.trades),
            ctypes.c_int64(self.trades.shape[0]),
            _pointer(self._out),
        )
        equity, deepest, n_trades, fees, funding, held = self._out.tolist()
        return TwinResult(equity, 0.0 - deepest, int(n_trades), fees, funding, int(held))


def _compiler() -> str:
    found = shutil.which("cc")
    if found is None:
        raise SystemExit("cc is not installed; expected a C compiler for the twin")
    return found


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
