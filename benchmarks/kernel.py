"""Nanoseconds a bar of one backtest on 525,600 synthetic 1-minute bars: ``python benchmarks/kernel.py``.

EMA 60/240 long and short, next-open fills, 5 bps fee, 1 bp slippage, 2 % hard stop; CPU time, best and
median of several runs. Not the whole feature set of the design yet: no target, trailing stop or margin.
"""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from synthetic import N_BARS, START_MS, Cross, synthetic_bars

from quant_pipelines.accounting import open_account
from quant_pipelines.backtest import BacktestSettings, run_backtest
from quant_pipelines.backtest.batch import loop_of, new_record
from quant_pipelines.backtest.market import prepare_market
from quant_pipelines.backtest.step import opening_state
from quant_pipelines.backtest.targets import abreast
from quant_pipelines.core.timeframes import MINUTE_MS
from quant_pipelines.sdk.strategy import target_of

RUNS = 15


def ns_per_bar(call: Callable[[], Any], units: int = 1) -> dict[str, float]:
    call()
    spent = []
    for _ in range(RUNS):
        started = time.process_time()
        call()
        spent.append((time.process_time() - started) * 1e9 / N_BARS / units)
    return {"best": round(min(spent), 2), "median": round(statistics.median(spent), 2)}


def main() -> None:
    bars, settings = synthetic_bars(), BacktestSettings()
    strategy = Cross()
    started = time.perf_counter()
    result = run_backtest(strategy, bars)
    first = time.perf_counter() - started
    market = prepare_market(bars, settings)
    targets = abreast([market.changes(target_of(strategy, bars))], 1)
    record = new_record(market, has_bar_equity=False)
    state = opening_state(open_account(settings.capital), START_MS)
    terms, tape, run = settings.loop_terms([strategy], MINUTE_MS), market.tape, loop_of(1)
    figures = {
        "trades": len(result.trades),
        "first_call_seconds": round(first, 2),
        "kernel_ns_per_bar": ns_per_bar(lambda: run(tape, targets, state, terms, record)),
        "target_ns_per_bar": ns_per_bar(lambda: target_of(strategy, bars)),
        "whole_call_ns_per_bar": ns_per_bar(lambda: run_backtest(strategy, bars)),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
