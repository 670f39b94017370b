"""The EMA cross by vectorbt; started by ``peers.py`` in vectorbt's own environment.

One JSON case on stdin, one JSON answer on stdout; trades go to the file that the case names.
"""

import json
import resource
import sys
import time

STARTED = time.perf_counter()

import numpy as np  # noqa: E402 - the time of the imports is part of a cold start
import pandas as pd  # noqa: E402
import vectorbt as vbt  # noqa: E402


def signals(close: pd.Series, fast: int, slow: int) -> tuple[np.ndarray, np.ndarray]:
    """Where to go long and short, one bar after the close that decides."""
    quick = close.ewm(span=fast, adjust=False).mean().to_numpy()
    lazy = close.ewm(span=slow, adjust=False).mean().to_numpy()
    above = quick > lazy
    is_change = np.zeros(above.size, dtype=bool)
    is_change[1:] = above[1:] != above[:-1]
    is_change[:slow] = False
    is_change[slow] = True
    up, down = is_change & above, is_change & ~above
    return np.concatenate([[False], up[:-1]]), np.concatenate([[False], down[:-1]])


def simulate(bars: dict, entries: np.ndarray, short_entries: np.ndarray, case: dict) -> vbt.Portfolio:
    stops = {}
    if case["stop"]:
        stops = {"sl_stop": case["stop"], "tp_stop": case["goal"], "stop_entry_price": "fillprice"}
    return vbt.Portfolio.from_signals(
        bars["close"],
        entries=entries,
        short_entries=short_entries,
        price=bars["open"],
        open=bars["open"],
        high=bars["high"],
        low=bars["low"],
        size=case["quantity"],
        fees=case["fee"],
        slippage=case["slippage"],
        init_cash=case["capital"],
        upon_opposite_entry="reverse",
        freq="1min",
        **stops,
    )


def statistics(portfolio: vbt.Portfolio) -> None:
    """Compute what our own call returns besides: the three statistics that everybody reads."""
    portfolio.sharpe_ratio(), portfolio.max_drawdown(), portfolio.total_return()


def timed(work: object) -> tuple[object, float]:
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def swept(bars: dict, case: dict) -> dict:
    """CPU seconds of many pairs, in chunks that fit into memory."""
    pairs, size = case["pairs"], case["chunk"]

    def run() -> None:
        for at in range(0, len(pairs), size):
            both = [signals(bars["close"], fast, slow) for fast, slow in pairs[at : at + size]]
            entries = np.column_stack([pair[0] for pair in both])
            short_entries = np.column_stack([pair[1] for pair in both])
            statistics(simulate(bars, entries, short_entries, case))

    run_once = {**case, "pairs": pairs[:size]}
    if not case.get("is_warm"):
        swept(bars, {**run_once, "is_warm": True})
    _, seconds = timed(run)
    return {"pairs": len(pairs), "cpu_seconds": seconds}


def main() -> None:
    case = json.load(sys.stdin)
    stored = np.load(case["bars"])
    index = pd.to_datetime(stored["ts"], unit="ms")
    bars = {name: pd.Series(stored[name], index) for name in ("open", "high", "low", "close")}
    first = simulate(bars, *signals(bars["close"], case["fast"], case["slow"]), case)
    statistics(first)
    answer = {
        "version": vbt.__version__,
        "first_result_seconds": time.perf_counter() - STARTED,
        "final_equity": float(first.final_value()),
    }
    records = first.trades.records
    np.savez(
        case["trades"],
        entry=records["entry_idx"].to_numpy(),
        exit=records["exit_idx"].to_numpy(),
        side=np.where(records["direction"].to_numpy() == 0, 1.0, -1.0),
        entry_price=records["entry_price"].to_numpy(),
        exit_price=records["exit_price"].to_numpy(),
        pnl=records["pnl"].to_numpy(),
        is_closed=records["status"].to_numpy() == 1,
    )
    both = signals(bars["close"], case["fast"], case["slow"])
    _, simulated = min(
        (timed(lambda: simulate(bars, *both, case)) for _ in range(case["runs"])), key=lambda x: x[1]
    )

    def whole() -> None:
        statistics(simulate(bars, *signals(bars["close"], case["fast"], case["slow"]), case))

    _, called = min((timed(whole) for _ in range(case["runs"])), key=lambda x: x[1])
    answer |= {"simulate_seconds": simulated, "whole_call_seconds": called}
    if case.get("pairs"):
        answer["sweep"] = swept(bars, case)
    answer["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(answer))


main()
