"""Commands whose answers are kept, and what is kept of one: every figure, and the shape of the document."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from quant_pipelines.cli.__main__ import main

STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"
RECORDED = Path(__file__).parent / "answers.json"
BTC, ETH, LINK = "BTC/USDT:USDT", "ETH/USDT:USDT", "LINK/USDT:USDT"
SYMBOLS = {
    "pairs_cointegration": (BTC, ETH),
    "zscore_spread": (BTC, ETH),
    "cross_sectional_momentum": (BTC, ETH, LINK),
}
NOT_KEPT = {"seconds", "cpu_seconds", "version", "id"}
N_SHOWN = 3
"""Trades of an answer that are kept one by one, at its beginning and at its end."""


def _runs() -> dict[str, tuple[str, ...]]:
    names = sorted(path.stem for path in STRATEGIES.glob("*.py") if path.stem != "__init__")
    runs = {name: ("backtest", name, *SYMBOLS.get(name, (BTC,))) for name in names}
    for name in ("ema_cross", "donchian_turtle", "rsi_reversion"):
        runs[f"{name} of three symbols"] = ("backtest", name, BTC, ETH, LINK)
    options = {
        "fixed quantity, long only": ("--sizing", "fixed:0.5", "--direction", "long"),
        "volatility target, no funding": ("--sizing", "vol_target", "--funding", "off"),
        "no stops, cheap": ("--stops", "off", "--fee-bps", "1", "--slippage-bps", "0"),
        "compared": ("--compare", "sma_cross", "--compare", "ema_cross:fast=20"),
        "a window": ("--start", "2024-01-10", "--end", "2024-03-01", "--set", "fast=8"),
    }
    for name, words in options.items():
        runs[name] = ("backtest", "ema_cross", BTC, *words)
    search = ("--trials", "24", "--folds", "3", "--searcher", "ga")
    runs["walk-forward"] = ("optimize", "ema_cross", BTC, "--seed", "1", *search)
    runs["walk-forward, sobol"] = ("optimize", "donchian_turtle", BTC, *search[:-1], "sobol")
    return runs


RUNS = _runs()


def answer_of(arguments: tuple[str, ...], archive: Path) -> Any:
    """Run a command in this process and return its document as it is kept."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*arguments, "--timeframe", "1h", "--archive", str(archive), "--json"])
    if code:
        return {"exit": code, "says": err.getvalue().replace(str(archive), "ARCHIVE").strip()}
    return kept(json.loads(out.getvalue()))


def kept(value: Any) -> Any:
    """Figures with ten digits; of long lists their length, both ends, and the sum of each figure."""
    if isinstance(value, dict):
        return {name: kept(one) for name, one in value.items() if name not in NOT_KEPT}
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if not isinstance(value, list):
        return value
    if len(value) <= 2 * N_SHOWN or isinstance(value[0], str):
        return [kept(one) for one in value]
    sums: dict[str, float] = {}
    for one in value:
        figures = one if isinstance(one, dict) else {"": one}
        for name, figure in figures.items():
            if isinstance(figure, int | float):
                sums[name] = sums.get(name, 0.0) + figure
    ends = [*value[:N_SHOWN], *value[-N_SHOWN:]]
    return {"n": len(value), "ends": [kept(one) for one in ends], "sums": kept(sums)}
