"""CPU a bar and set of strategies that place orders, beside another commit; three interleaved runs, minima.

    PYTHONPATH=. python benchmarks/event_form.py [--against ab8860e]

The other commit is built in a work tree of its own and run by this environment. Bars are hours of a random
walk, each of which is decided on, over all sets of a sweep in one thread; a quiet bar is one of minutes in
which nothing is reached, without a call of the handler and with one.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from commits import HERE, checked_out

RUNS = 3
PYTHON_FORM = HERE / "tests" / "parity" / "python_form"
MEASURE = """
import json, sys, time
import numpy as np
from pathlib import Path
from quant_pipelines.backtest import BacktestSettings, run_backtest, sweep
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk import load_strategy

def walk(n, timeframe, step_ms):
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.01, n)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close) * 1.003, np.minimum(open_, close) * 0.997
    ts = 1_704_067_200_000 + step_ms * np.arange(n, dtype=np.int64)
    return Bars("X/USDT:USDT", timeframe, ts, open_, high, low, close, np.full(n, 1e6))

def cost(path, n, sets):
    found = load_strategy(path, Path(path).parent).strategy_class
    bars = walk(n, "1h", 3_600_000)
    grid = [{"window": window} for window in range(24, 24 + sets)]
    sweep(found, grid[:1], bars.rows(0, 1_000), BacktestSettings())
    begun = time.process_time()
    sweep(found, grid, bars, BacktestSettings())
    return (time.process_time() - begun) / (n * sets) * 1e9

def quiet(path, strategy_bars, step):
    found = load_strategy(path, Path(path).parent).strategy_class()
    def still(timeframe, step):
        ts = 1_704_067_200_000 + 60_000 * step * np.arange(500_000 // step, dtype=np.int64)
        price = np.full(ts.size, 100.0)
        return Bars("X/USDT:USDT", timeframe, ts, price, price, price, price, price)

    fine, coarse = still("1m", 1), still(strategy_bars, step)
    settings = BacktestSettings(has_bar_equity=False)
    from quant_pipelines.backtest.book.handled_run import handled_by
    from quant_pipelines.backtest.market.market import SymbolFeed, prepare_market
    market = prepare_market(coarse, settings, SymbolFeed(fine))
    tape = market.tape(found.stops)
    handled_by(found, market, settings, tape)
    begun = time.process_time()
    handled_by(found, market, settings, tape)
    return (time.process_time() - begun) / len(fine) * 1e9

asked, result = json.loads(sys.argv[1]), {}
for name, (path, n, sets) in asked["cost"].items():
    result[name] = cost(path, n, sets)
for name, (path, timeframe, step) in asked["quiet"].items():
    result[name] = quiet(path, timeframe, step)
print(json.dumps(result))
"""
QUIET = """
from quant_pipelines.sdk import CompiledStrategy, Float
from quant_pipelines.sdk.asks import limit


class Patient(CompiledStrategy):
    order_kinds = ("limit",)
    gap = Float(0.5, low=0.0, high=1.0)


def on_bar(view, params, orders):
    if view.n_orders == 0.0:
        limit(orders, 1.0, view.price * (1.0 - params.gap))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", default="ab8860e", help="commit to compare with")
    given = parser.parse_args()
    with checked_out(given.against) as other, tempfile.TemporaryDirectory() as folder:
        patient = Path(folder, "patient.py")
        patient.write_text(QUIET, encoding="utf-8")
        ours, theirs = _asked_here(patient), _asked_there(other, given.against)
        runs = [(measured(HERE, ours), measured(other, theirs)) for _ in range(RUNS)]
    here, there = ({name: min(run[side][name] for run in runs) for name in runs[0][side]} for side in (0, 1))
    for name, ns in {**there, **here}.items():
        known = there.get(f"{given.against} {name.rpartition(' ')[2]}")
        beside = f"   1/{known / ns:,.0f} of {given.against}" if known and name in here else ""
        print(f"{name:28} {ns:12,.1f} ns a bar and set{beside}")


def _asked_here(patient: Path) -> dict[str, dict[str, tuple[str, int, int]]]:
    cost: dict[str, tuple[str, int, int]] = {}
    for name in ("dca_reversion", "grid_reversion"):
        cost[f"compiled {name}"] = (str(HERE / "strategies" / f"{name}.py"), 8_784, 64)
        cost[f"python {name}"] = (str(PYTHON_FORM / f"{name}.py"), 8_784, 1)
    quiet = {"quiet": (str(patient), "1h", 60), "quiet, on_bar called": (str(patient), "1m", 1)}
    return {"cost": cost, "quiet": quiet}  # type: ignore[dict-item]  # a timeframe stands among the numbers


def _asked_there(other: Path, commit: str) -> dict[str, dict[str, tuple[str, int, int]]]:
    names = ("dca_reversion", "grid_reversion")
    where = {name: str(other / "strategies" / f"{name}.py") for name in names}
    return {"cost": {f"{commit} {name}": (path, 8_784, 1) for name, path in where.items()}, "quiet": {}}


def measured(checkout: Path, asked: dict[str, dict[str, tuple[str, int, int]]]) -> dict[str, float]:
    """Nanoseconds of CPU by name, measured by a process that imports from a checkout."""
    command = [sys.executable, "-c", MEASURE, json.dumps(asked)]
    done = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
