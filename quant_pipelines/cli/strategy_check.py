"""Strategies put through the contract, each in a process of its own; and traded on made-up bars."""

from pathlib import Path
from typing import Any

from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import StrategyError, unknown_name
from quant_pipelines.core.panel import Panel
from quant_pipelines.sandbox.trial import try_strategy
from quant_pipelines.sdk import Strategy, compile_strategy
from quant_pipelines.sdk.trial.contract import Check
from quant_pipelines.sdk.trial.market import TrialMarket

_TRADED_BARS = 2_000


def files_of(wanted: list[str], folder: Path) -> list[tuple[str, Path]]:
    """Name and file of each strategy that is asked for; the whole folder for none.

    Raises
    ------
    StrategyError
        If a name is unknown or a file is missing.
    """
    known = {path.stem: path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")}
    return [_file_of(name, known) for name in wanted] if wanted else list(known.items())


def check_file(name: str, path: Path, *, with_trades: bool) -> dict[str, Any]:
    """Document of one strategy: passed, and each check with its detail; nothing of the file runs here."""
    try:
        source = path.read_text(encoding="utf-8")
        checks = try_strategy(name, source).checks
        if with_trades and all(check.passed for check in checks):
            checks.append(Check("drivers", _difference(name, source)))
    except (StrategyError, OSError, UnicodeDecodeError) as error:
        checks = [Check("trial", str(error))]
    rows = [{"check": check.name, "passed": check.passed, "detail": check.fault} for check in checks]
    return {"name": name, "path": path, "passed": all(check.passed for check in checks), "checks": rows}


def _file_of(name: str, known: dict[str, Path]) -> tuple[str, Path]:
    if name in known:
        return name, known[name]
    path = Path(name).expanduser()
    if not name.endswith(".py") and "/" not in name:
        raise StrategyError(unknown_name("strategy", name, known))
    if not path.is_file():
        raise StrategyError(f"strategy file {name!r} doesn't exist")
    return path.stem, path


def _difference(name: str, source: str) -> str:
    """Fault of the drivers, for a text that has passed its trial: batch and event must book the same."""
    strategy = compile_strategy(name, source).strategy_class()
    bars = TrialMarket(type(strategy)).walk(_TRADED_BARS, seed=11)
    batch, event = _both_drivers(strategy, bars)
    if batch.final_equity != event.final_equity or len(batch.trades) != len(event.trades):
        return f"{strategy}: batch ends with {batch.final_equity}, event with {event.final_equity}"
    return "" if len(batch.trades) else f"{strategy}: closes no trade on {_TRADED_BARS} bars of a random walk"


def _both_drivers(strategy: Strategy, bars: Bars | Panel) -> tuple[Any, Any]:
    from quant_pipelines.backtest import run_backtest, run_event_backtest
    from quant_pipelines.backtest.account.event import run_event_account
    from quant_pipelines.backtest.account.plan import Allocation
    from quant_pipelines.backtest.account.run import run_account

    if isinstance(bars, Panel):
        books = [Allocation(strategy, bars)]
        return run_account(books), run_event_account(books)
    return run_backtest(strategy, bars), run_event_backtest(strategy, bars)
