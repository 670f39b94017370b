"""Self-contained HTML pages of backtests, comparisons and walk-forwards; nothing is downloaded.

The names below load what they need when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quant_pipelines.reports.backtest import render_backtest
    from quant_pipelines.reports.comparison import render_comparison
    from quant_pipelines.reports.run import BacktestRun
    from quant_pipelines.reports.walk_forward import Walk, render_walk

_HOMES = {
    "BacktestRun": "run",
    "Walk": "walk_forward",
    "render_backtest": "backtest",
    "render_comparison": "comparison",
    "render_walk": "walk_forward",
}

__all__ = [
    "BacktestRun",
    "Walk",
    "render_backtest",
    "render_comparison",
    "render_walk",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
