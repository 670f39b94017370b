"""Nanoseconds a bar of one backtest on 525,600 synthetic 1-minute bars: ``python benchmarks/kernel.py``.

EMA 60/240 long and short, next-open fills, 5 bps fee, 1 bp slippage, 2 % stop, 4 % target, funding,
one maintenance margin, trailing ATR stop, lots: our kernel beside a C twin. The twin is checked first: equity
by day, drawdown and trades are the same to the last bit. CPU time, interleaved; the best of many runs, as the
machine may be loaded. Beside them the full model, a whole call, and a new process up to its first backtest.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from synthetic import (
    N_BARS,
    START_MS,
    Cross,
    FullCross,
    feature_settings,
    full_settings,
    synthetic_bars,
    synthetic_funding,
)
from twin import Twin

from quant_pipelines.backtest import BacktestSettings, SymbolFeed, run_backtest
from quant_pipelines.backtest.batch.loop import Start
from quant_pipelines.backtest.batch.run_pass import loop_of, new_record, start_of, targets_by
from quant_pipelines.backtest.market.market import prepare_market
from quant_pipelines.backtest.market.tape import LoopTerms, Record, Tape
from quant_pipelines.backtest.market.targets import Targets
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.sdk import Strategy

RUNS = 25
FIRST_BACKTEST = """
from synthetic import Cross, feature_settings, synthetic_bars, synthetic_funding
from quant_pipelines.backtest import run_backtest
bars = synthetic_bars()
run_backtest(Cross(), bars, settings=feature_settings(), funding=synthetic_funding(bars))
"""


class Pass(NamedTuple):
    tape: Tape
    targets: Targets
    start: Start
    terms: LoopTerms
    record: Record


def pass_of(strategy: Strategy, bars: Bars, settings: BacktestSettings) -> Pass:
    market = prepare_market(bars, settings, SymbolFeed(funding=synthetic_funding(bars)))
    return Pass(
        market.tape(strategy.stops),
        targets_by([strategy], market),
        start_of(settings, START_MS),
        settings.loop_terms([strategy], MINUTE_MS, MINUTE_MS),
        new_record(market, has_bar_equity=False, capacity=8192),
    )


def interleaved(calls: dict[str, Callable[[], Any]]) -> dict[str, dict[str, float]]:
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(RUNS):
        for name, call in calls.items():
            started = time.process_time()
            call()
            spent[name].append((time.process_time() - started) * 1e9 / N_BARS)
    return {
        name: {"best": round(min(taken), 2), "median": round(statistics.median(taken), 2)}
        for name, taken in spent.items()
    }


def cold_start() -> dict[str, float]:
    """A new process, from its start to the end of its first backtest, with kernels from the cache."""
    wall, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, "-c", FIRST_BACKTEST], cwd=Path(__file__).parent, check=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall_seconds": round(time.perf_counter() - wall, 2), "cpu_seconds": round(spent, 2)}


def main() -> None:
    bars, settings = synthetic_bars(), feature_settings()
    started = time.perf_counter()
    result = run_backtest(Cross(), bars, settings=settings, funding=synthetic_funding(bars))
    first = time.perf_counter() - started
    ours, full = pass_of(Cross(), bars, settings), pass_of(FullCross(), bars, full_settings())
    days = ours.record.daily_equity.shape[1]
    twin = Twin(ours.tape, ours.targets, ours.terms, cash=settings.capital, n_days=days)
    known, (book,) = twin.run(), loop_of(1)(*ours)
    final_equity = book.state.curve.equity
    assert (known.n_trades, known.final_equity) == (book.log.finished, final_equity), (known, book)
    assert known.max_drawdown == book.tally.max_drawdown
    assert known.bars_held == book.tally.bars_held
    assert twin.daily_equity.tobytes() == ours.record.daily_equity.tobytes()
    n = known.n_trades
    assert twin.trades[:n].tobytes() == ours.record.trades[0, :n].tobytes()
    run = loop_of(1)
    spent = interleaved(
        {
            "kernel": lambda: run(*ours),
            "c_twin": twin.run,
            "full_model": lambda: run(*full),
            "whole_call": lambda: run_backtest(
                Cross(), bars, settings=settings, funding=synthetic_funding(bars)
            ),
        }
    )
    figures = {
        "trades": n,
        "reasons": sorted({trade.exit_reason for trade in result.trades}),
        "first_call_seconds": round(first, 2),
        "cold_start": cold_start(),
        "ns_per_bar": spent,
        "kernel_over_c_twin": round(spent["kernel"]["best"] / spent["c_twin"]["best"], 3),
        "load": os.getloadavg(),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
