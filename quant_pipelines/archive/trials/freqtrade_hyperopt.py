"""freqtrade's ``.fthypt``: an epoch a line, with its loss, its parameters and what its backtest measured."""

import math
from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.archive.trials.json_lines import read_json_lines
from quant_pipelines.archive.trials.layout import TrialFile, TrialLayout, number_of
from quant_pipelines.core.arrays import FloatArray, IntArray
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.timeframes import DAY_MS, day_of, day_start_ms, floor_ms
from quant_pipelines.optimize.imported import ImportedSearch, ImportedTrial

_WORST_LOSS = 100_000.0
_SAME = 1e-6
"""How far the sum of the days may be from the total, as a share of the balance: both are rounded there."""


class _Epoch(NamedTuple):
    """What is kept of a line."""

    line: int
    name: str
    parameters: dict[str, Any]
    loss: float
    strategy: str
    trades: int | None
    window: tuple[int, int] | None
    balance: float
    profits: dict[int, float] | None


def _is_of(file: TrialFile) -> bool:
    return file.path.suffix == ".fthypt" or b'"params_dict"' in file.head


def _read(file: TrialFile) -> ImportedSearch:
    lines = read_json_lines(file, lambda number, row: _epoch(file, number, row))
    epochs: list[_Epoch] = [epoch for _, epoch in lines.documents]
    if not epochs:
        raise file.fault("line 1", "its text", "", "one epoch a line")
    missing, window = _missing_returns(file, epochs)
    notes = [*lines.notes, *_notes(epochs)]
    days = np.empty(0, dtype=np.int64)
    if not missing and window is not None:
        days = np.arange(floor_ms(window[0], DAY_MS), window[1] + 1, DAY_MS, dtype=np.int64)
        notes.append(
            "returns are realized profits by the day of the close: what open trades gained or lost on the "
            "days between is not in the file"
        )
    trials = (
        ImportedTrial(
            epoch.name, epoch.parameters or None, value=epoch.loss, returns=_returns(epoch, days, missing)
        )
        for epoch in epochs
    )
    return ImportedSearch(
        "freqtrade hyperopt",
        epochs[0].strategy,
        tuple(trials),
        days,
        objective="loss",
        goal="lowest",
        notes=tuple(notes),
        missing_returns=missing,
    )


def _epoch(file: TrialFile, number: int, row: dict[str, Any]) -> _Epoch:
    where = f"line {number}"
    for name, kind, told in (("params_dict", dict, "parameters by name"), ("loss", float, "a number")):
        if not isinstance(row.get(name), kind | int if kind is float else kind):
            raise file.fault(where, name, row.get(name), told)
    metrics = row.get("results_metrics")
    found = metrics if isinstance(metrics, dict) else {}
    trades = found.get("total_trades")
    return _Epoch(
        number,
        str(row.get("current_epoch", number)),
        row["params_dict"],
        number_of(file, where, "loss", row["loss"]),
        str(found.get("strategy_name") or file.path.stem),
        trades if isinstance(trades, int) else None,
        _window(file, where, found),
        number_of(file, where, "starting_balance", found.get("starting_balance", math.nan)),
        _profits(file, where, found),
    )


def _window(file: TrialFile, where: str, metrics: dict[str, Any]) -> tuple[int, int] | None:
    """First and last bar of the backtest, milliseconds."""
    names = ("backtest_start_ts", "backtest_end_ts")
    if not all(name in metrics for name in names):
        return None
    start, end = (int(number_of(file, where, name, metrics[name])) for name in names)
    if not 0 < start < end:
        raise file.fault(where, "backtest_end_ts", end, f"milliseconds after backtest_start_ts, {start}")
    return start, end


def _profits(file: TrialFile, where: str, metrics: dict[str, Any]) -> dict[int, float] | None:
    """Realized profits by start of day, in the stake currency; None where the line has no days."""
    listed = metrics.get("daily_profit", metrics.get("daily_profit_list"))
    if listed is None:
        return {} if metrics.get("total_trades") == 0 else None
    profits: dict[int, float] = {}
    for entry in listed if isinstance(listed, list) else [listed]:
        if not isinstance(entry, list) or len(entry) != 2:
            raise file.fault(where, "daily_profit", entry, "a day and its profit")
        day, profit = entry
        profits[_day(file, where, day)] = number_of(file, where, f"daily_profit of {day}", profit)
    total, balance = metrics.get("profit_total_abs"), metrics.get("starting_balance")
    summed = math.fsum(profits.values())
    if isinstance(total, int | float) and isinstance(balance, int | float):  # noqa: SIM102 - for the types
        if abs(summed - total) > _SAME * balance:
            raise file.fault(where, "profit_total_abs", total, f"{summed}, the sum of daily_profit")
    return profits


def _day(file: TrialFile, where: str, text: Any) -> int:
    try:
        return day_start_ms(str(text))
    except ConfigurationError:
        raise file.fault(where, "daily_profit", text, "a day such as 2024-01-31") from None


def _missing_returns(file: TrialFile, epochs: list[_Epoch]) -> tuple[str, tuple[int, int] | None]:
    """Why the daily returns can't be told, else empty, and the window that all epochs have in common."""
    first = epochs[0].window
    for epoch in epochs:
        lacks = [
            name
            for name, is_there in (
                ("daily_profit", epoch.profits is not None),
                ("starting_balance", math.isfinite(epoch.balance) and epoch.balance > 0.0),
                ("backtest_start_ts", epoch.window is not None),
            )
            if not is_there
        ]
        if lacks:
            return (
                f"results_metrics of line {epoch.line} has no {lacks[0]}, so daily returns can't be told",
                None,
            )
        if epoch.window != first:
            return f"line {epoch.line} was tried on other days than line {epochs[0].line}", None
        start, end = epoch.window or (0, 0)
        outside = [day for day in epoch.profits or () if not floor_ms(start, DAY_MS) <= day <= end + DAY_MS]
        if outside:
            raise file.fault(
                f"line {epoch.line}",
                "daily_profit",
                day_of(outside[0]),
                f"days from {day_of(start)} to {day_of(end)}",
            )
    return "", first


def _returns(epoch: _Epoch, days: IntArray, missing: str) -> FloatArray | None:
    """Profit of each day over the balance before it; a balance that is gone earns nothing more."""
    if missing:
        return None
    # A close on the last bar may be stamped with the bar's end, which is the next midnight.
    last = int(days[-1])
    profits = np.zeros(days.size)
    for day, profit in (epoch.profits or {}).items():
        profits[int((min(day, last) - int(days[0])) // DAY_MS)] += profit
    before = epoch.balance + np.concatenate([[0.0], np.cumsum(profits)[:-1]])
    alive = before > 0.0
    returns: FloatArray = np.where(alive, profits / np.where(alive, before, 1.0), 0.0)
    return np.maximum(returns, -1.0)


def _notes(epochs: list[_Epoch]) -> list[str]:
    few = sum(epoch.loss >= _WORST_LOSS for epoch in epochs)
    return (
        [f"{few} epochs made too few trades and have the worst loss; they were tried, and count"]
        if few
        else []
    )


LAYOUT = TrialLayout(name="freqtrade_hyperopt", about="freqtrade's .fthypt", is_of=_is_of, read=_read)
