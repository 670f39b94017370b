"""The EMA cross by backtesting.py; started by ``peers.py`` in its own environment.

One JSON case on stdin, one JSON answer on stdout; trades go to the file that the case names.
"""

import json
import resource
import sys
import time
import warnings

STARTED = time.perf_counter()

import backtesting  # noqa: E402 - the time of the imports is part of a cold start
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402


def strategy_of(case: dict) -> type:
    class Cross(backtesting.Strategy):
        def init(self) -> None:
            close = pd.Series(self.data.Close)
            quick = close.ewm(span=case["fast"], adjust=False).mean()
            lazy = close.ewm(span=case["slow"], adjust=False).mean()
            above = (quick > lazy).to_numpy().astype(float)
            self.above = self.I(lambda: above, plot=False)
            self.decided = 0

        def next(self) -> None:
            at = len(self.data) - 1
            if at < case["slow"] or (at > case["slow"] and self.above[-1] == self.above[-2]):
                return
            self.position.close()
            stops = {}
            if case["stop"]:  # from the decision's close: this library knows no distance from the fill
                side, price = (1.0 if self.above[-1] else -1.0), self.data.Close[-1]
                stops = {"sl": price * (1.0 - side * case["stop"]), "tp": price * (1.0 + side * case["goal"])}
            order = self.buy if self.above[-1] else self.sell
            order(size=case["quantity"], **stops)

    return Cross


def main() -> None:
    warnings.filterwarnings("ignore")
    case = json.load(sys.stdin)
    stored = np.load(case["bars"])
    frame = pd.DataFrame(
        {name.capitalize(): stored[name] for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(stored["ts"], unit="ms"),
    )

    def run() -> pd.Series:
        test = backtesting.Backtest(
            frame, strategy_of(case), cash=case["capital"], commission=case["fee"], spread=case["slippage"]
        )
        return test.run()

    result = run()
    first = time.perf_counter() - STARTED
    spent = []
    for _ in range(case["runs"]):
        started = time.process_time()
        run()
        spent.append(time.process_time() - started)
    trades = result["_trades"]
    np.savez(
        case["trades"],
        entry=trades["EntryBar"].to_numpy(),
        exit=trades["ExitBar"].to_numpy(),
        side=np.sign(trades["Size"].to_numpy()).astype(float),
        entry_price=trades["EntryPrice"].to_numpy(),
        exit_price=trades["ExitPrice"].to_numpy(),
        pnl=trades["PnL"].to_numpy(),
        is_closed=np.ones(len(trades), dtype=bool),
    )
    print(
        json.dumps(
            {
                "version": backtesting.__version__,
                "first_result_seconds": first,
                "final_equity": float(result["Equity Final [$]"]),
                "whole_call_seconds": min(spent),
                "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


main()
