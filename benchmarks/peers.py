"""Our backtest beside vectorbt and backtesting.py, trade by trade first: ``python benchmarks/peers.py``.

Each peer runs in an environment of its own, made under the folder that ``--environments`` names. The work:
EMA 60/240 long and short on 525,600 synthetic 1-minute bars, one unit, next-open fills, a fee of 5 bps; the
second case adds a 2 % stop and a 4 % target. A speed is printed only where the trades are ours. CPU seconds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from synthetic import N_BARS, Cross, synthetic_bars

from quant_pipelines.backtest import BacktestResult, BacktestSettings, run_backtest, sweep
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.settings import CostSettings
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.portfolio import Fixed
from quant_pipelines.sdk import Float, Stops
from quant_pipelines.trading import TradingRules

HERE = Path(__file__).resolve().parent / "peers"
CAPITAL, FEE_BPS, FAST, SLOW, STOP, GOAL = 1_000_000.0, 5.0, 60, 240, 0.02, 0.04
RUNS, CHUNK = 5, 10
COLUMNS = ("entry", "exit", "side", "entry_price", "exit_price", "pnl")


class StoppedCross(Cross):
    stops = Stops(
        hard_stop=Float(STOP, low=0.001, high=0.5),
        take_profit=Float(GOAL, low=0.001, high=0.5),
    )


@dataclass(frozen=True)
class Case:
    """What is compared: slippage in basis points, and whether there is a stop and a target."""

    name: str
    slippage_bps: float
    has_stops: bool

    @property
    def settings(self) -> BacktestSettings:
        costs = CostSettings(fee_bps=FEE_BPS, maker_fee_bps=FEE_BPS, slippage_bps=self.slippage_bps)
        rules = TradingRules(costs=costs, sizing=Fixed(1.0))
        return BacktestSettings(CAPITAL, rules, has_stops=self.has_stops, has_bar_equity=False)

    def document(self, folder: Path, pairs: list[tuple[int, int]]) -> dict[str, Any]:
        return {
            "bars": str(folder / "bars.npz"),
            "trades": str(folder / "trades.npz"),
            "fast": FAST,
            "slow": SLOW,
            "fee": FEE_BPS / 1e4,
            "slippage": self.slippage_bps / 1e4,
            "stop": STOP if self.has_stops else 0.0,
            "goal": GOAL,
            "quantity": 1,
            "capital": CAPITAL,
            "runs": RUNS,
            "pairs": pairs,
            "chunk": CHUNK,
        }


# backtesting.py charges its spread at entries alone, and knows no stop that is measured from the fill.
CASES = {
    "vectorbt": (Case("cross", 1.0, has_stops=False), Case("cross_stop_target", 1.0, has_stops=True)),
    "backtesting": (Case("cross", 0.0, has_stops=False), Case("cross_stop_target", 0.0, has_stops=True)),
}


def interpreter_of(peer: str, environments: Path, wanted: Path = HERE) -> Path:
    """Python of a peer's own environment, which is made where it is missing; `wanted` has its packages."""
    folder = environments / peer
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "-qqq", "-r", str(wanted / f"{peer}.txt")]
        subprocess.run([python, *install], check=True)
        (folder / "complete").touch()
    return python


def ask(python: Path, peer: str, case: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [python, str(HERE / f"peer_{peer}.py")],
        input=json.dumps(case),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{peer} failed: {done.stderr[-2_000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def trades_of(result: BacktestResult, bars: Bars) -> dict[str, np.ndarray]:
    first = int(bars.ts[0])
    rows = [
        (
            (to_ms(trade.entry_time) - first) // MINUTE_MS,
            (to_ms(trade.exit_time) - first) // MINUTE_MS,
            1.0 if trade.side == "long" else -1.0,
            trade.entry_price,
            trade.exit_price,
            trade.pnl,
        )
        for trade in result.trades
    ]
    return dict(zip(COLUMNS, np.array(rows).T, strict=True))


def reconciled(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, Any]:
    """How many closed trades are the same, and the largest differences among those."""
    closed = theirs["is_closed"]
    theirs = {name: theirs[name][closed] for name in COLUMNS}
    mine = {key: at for at, key in enumerate(zip(ours["entry"], ours["exit"], ours["side"], strict=True))}
    pairs = [
        (mine[key], at)
        for at, key in enumerate(zip(theirs["entry"], theirs["exit"], theirs["side"], strict=True))
        if key in mine
    ]
    left, right = np.array(pairs).T
    return {
        "ours": int(ours["entry"].size),
        "theirs": int(closed.sum()),
        "same_bars_and_side": len(pairs),
        "largest_difference": {
            name: float(np.abs(ours[name][left] - theirs[name][right]).max())
            for name in ("entry_price", "exit_price", "pnl")
        },
    }


def is_same(found: dict[str, Any]) -> bool:
    counts = {found["ours"], found["theirs"], found["same_bars_and_side"]}
    return len(counts) == 1 and max(found["largest_difference"].values()) < 1e-8


def cpu_seconds(call: Any) -> float:
    """Least of several runs; the first one, which may compile, is not counted."""
    call()
    spent = []
    for _ in range(RUNS):
        started = time.process_time()
        call()
        spent.append(time.process_time() - started)
    return min(spent)


def cold_start(folder: Path) -> float:
    """Seconds from nothing to the first result in a new interpreter, kernels cached."""
    work = (
        "import numpy as np, sys; sys.path.insert(0, sys.argv[2]);"
        "from peers import CASES; from synthetic import Cross;"
        "from quant_pipelines.backtest import run_backtest;"
        "from quant_pipelines.core.bars import Bars;"
        "d = np.load(sys.argv[1]);"
        "bars = Bars('X/USDT:USDT', '1m', *(d[n] for n in ('ts', 'open', 'high', 'low', 'close', 'volume')));"
        "run_backtest(Cross(), bars, settings=CASES['vectorbt'][0].settings).final_equity"
    )
    command = [sys.executable, "-c", work, str(folder / "bars.npz"), str(HERE.parent)]
    spent = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(command, check=True)
        spent.append(time.perf_counter() - started)
    return min(spent)


def sweep_pairs(count: int) -> list[tuple[int, int]]:
    fast = np.unique(np.round(np.geomspace(10, 200, 20)).astype(int)).tolist()
    slow = np.unique(np.round(np.geomspace(240, 2880, 50)).astype(int)).tolist()
    every = [(a, b) for a in fast for b in slow]
    return [every[i] for i in np.linspace(0, len(every) - 1, count).astype(int)]


def our_sweep(bars: Bars, case: Case, pairs: list[tuple[int, int]]) -> float:
    sets = [{"fast": fast, "slow": slow} for fast, slow in pairs]
    return cpu_seconds(lambda: sweep(StoppedCross, sets, bars, case.settings))


def compared(
    peer: str, python: Path, bars: Bars, folder: Path, pairs: list[tuple[int, int]]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for case in CASES[peer]:
        is_swept = peer == "vectorbt" and case.has_stops
        answer = ask(python, peer, case.document(folder, pairs if is_swept else []))
        result = run_backtest(StoppedCross(), bars, settings=case.settings)
        agreement = reconciled(trades_of(result, bars), dict(np.load(folder / "trades.npz")))
        row = {
            "version": answer["version"],
            "trades": agreement,
            "equity": [result.final_equity, answer["final_equity"]],
        }
        found[case.name] = row
        if not is_same(agreement):
            row["speed"] = "not quoted: the trades differ"
            continue
        mine = cpu_seconds(lambda case=case: run_backtest(StoppedCross(), bars, settings=case.settings))
        row["whole_call_ns_per_bar"] = {
            "ours": mine * 1e9 / N_BARS,
            peer: answer["whole_call_seconds"] * 1e9 / N_BARS,
        }
        row["times_faster"] = answer["whole_call_seconds"] / mine
        row["first_result_seconds"] = answer["first_result_seconds"]
        if is_swept:
            swept = our_sweep(bars, case, pairs)
            row["sweep"] = {
                "pairs": len(pairs),
                "cpu_seconds": {"ours": swept, peer: answer["sweep"]["cpu_seconds"]},
                "times_faster": answer["sweep"]["cpu_seconds"] / swept,
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(tempfile.gettempdir()) / "quant-peers"
    parser.add_argument("--environments", type=Path, default=default)
    parser.add_argument("--pairs", type=int, default=100, help="parameter sets of the sweep")
    asked = parser.parse_args()
    bars = synthetic_bars()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        columns = {
            column: getattr(bars, column) for column in ("ts", "open", "high", "low", "close", "volume")
        }
        np.savez(folder / "bars.npz", **columns)
        figures: dict[str, Any] = {"cold_start_seconds": cold_start(folder)}
        for peer in CASES:
            python = interpreter_of(peer, asked.environments)
            figures[peer] = compared(peer, python, bars, folder, sweep_pairs(asked.pairs))
    print(json.dumps({**figures, "load": os.getloadavg()}, indent=2))


if __name__ == "__main__":
    main()
