"""freqtrade live at the venue; started by ``clients.py`` in its own environment.

It goes long in BTC and short in ETH, keeps a stop at the venue under both, and closes BTC after some seconds.
"""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

URL, FOLDER = sys.argv[1], Path(sys.argv[2])
TRADED_WITHIN_SECONDS, ENDED_WITHIN_SECONDS = 120, 30
STRATEGY = """
from freqtrade.strategy import IStrategy


class Proof(IStrategy):
    timeframe = "1m"
    can_short = True
    stoploss = -0.05
    minimal_roi = {"0": 10}
    startup_candle_count = 20
    process_only_new_candles = False

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[:, "enter_long" if metadata["pair"].startswith("BTC") else "enter_short"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def leverage(self, *args, **kwargs):
        return 3.0

    def custom_exit(self, pair, trade, current_time, *args, **kwargs):
        is_old = (current_time - trade.open_date_utc).total_seconds() > 10
        return "proof" if is_old and pair.startswith("BTC") else None
"""


def settings() -> dict[str, Any]:
    socket_url = URL.replace("http", "ws", 1)
    versions = {"": "v1", "V2": "v2", "V3": "v3"}
    paths = {
        f"fapi{kind}{suffix}": f"{URL}/fapi/{version}"
        for kind in ("Public", "Private")
        for suffix, version in versions.items()
    }
    sockets = {"linear": f"{socket_url}/ws", "ws-api": {"linear": f"{socket_url}/ws-fapi/v1"}}
    urls = {"api": paths | {"fapiData": f"{URL}/futures/data", "ws": sockets}}
    only_futures = {"fetchMarkets": {"types": ["linear"]}, "fetchCurrencies": False}
    order_types = {"entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": True}
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    return {
        "bot_name": "proof",
        "strategy": "Proof",
        "dry_run": False,
        "trading_mode": "futures",
        "margin_mode": "isolated",
        "max_open_trades": 2,
        "stake_currency": "USDT",
        "stake_amount": 1000,
        "order_types": order_types,
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "exchange": {
            "name": "binance",
            "key": "demo",
            "secret": "demo",
            "ccxt_config": {"urls": urls, "options": only_futures},
            "pair_whitelist": ["BTC/USDT:USDT", "ETH/USDT:USDT"],
        },
        "pairlists": [{"method": "StaticPairList"}],
        "initial_state": "running",
        "internals": {"process_throttle_secs": 2},
        "db_url": f"sqlite:///{FOLDER / 'trades.sqlite'}",
        "user_data_dir": str(FOLDER / "user_data"),
    }


def rows(statement: str) -> list[Any]:
    try:
        with sqlite3.connect(f"file:{FOLDER / 'trades.sqlite'}?mode=ro", uri=True) as trades:
            return trades.execute(statement).fetchall()
    except sqlite3.Error:
        return []


def main() -> None:
    strategies = FOLDER / "user_data" / "strategies"
    strategies.mkdir(parents=True)
    (strategies / "proof.py").write_text(STRATEGY)
    (FOLDER / "config.json").write_text(json.dumps(settings()))
    log = FOLDER / "freqtrade.log"
    command = [Path(sys.executable).parent / "freqtrade", "trade", "-c", FOLDER / "config.json"]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, cwd=FOLDER) as bot:
        until = time.monotonic() + TRADED_WITHIN_SECONDS
        canceled = "SELECT 1 FROM orders WHERE ft_order_side = 'stoploss' AND status = 'canceled'"
        while not rows(canceled) and bot.poll() is None and time.monotonic() < until:
            time.sleep(1)
        said = log.read_text()  # what it says while it is being ended is about its own threads
        bot.terminate()
        try:
            bot.wait(ENDED_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            bot.kill()
    complaints = [line for line in said.splitlines() if " WARNING " in line or " ERROR " in line]
    sys.stderr.write("\n".join(complaints))
    checks = {
        "long opened and closed": rows("SELECT is_short, exit_reason FROM trades WHERE NOT is_open")
        == [(0, "proof")],
        "short stays open": rows("SELECT is_short FROM trades WHERE is_open") == [(1,)],
        "stop of the closed one is gone": len(rows(canceled)) == 1,
        "stop of the open one stands": len(rows(canceled.replace("'canceled'", "'open'"))) == 1,
        "no complaint": not complaints,
    }
    print(json.dumps(checks))


main()
