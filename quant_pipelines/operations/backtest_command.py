"""A backtest that somebody asks for from afar, as arguments of ``quant backtest``: no path, no option."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.orders import Direction

_MOST_SYMBOLS: Final = 20
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9/:.-]{0,59}")
_TIMEFRAME: Final = re.compile(r"[0-9]{1,3}[a-zA-Z]")
_VALUE: Final = re.compile(r"[a-z_][a-z0-9_]*=[\w.+-]{1,60}")
_MOMENT: Final = re.compile(r"[0-9][0-9T:Z -]{0,30}")


class AskedBacktest(NamedTuple):
    """What is asked for.

    Parameters
    ----------
    strategy
        Name of a strategy of the library.
    symbols
        Several share one account.
    timeframe
        Of the bars that it decides on.
    start, end
        First time and end, UTC, the end exclusive; empty: all there is.
    parameters
        Such as ``fast=12``.
    direction
        Sides that it may hold.
    has_stops
        Whether its stops are followed.
    has_funding
        Whether funding is paid.
    capital
        At the start, quote.
    """

    strategy: str
    symbols: Sequence[str]
    timeframe: str = "1h"
    start: str = ""
    end: str = ""
    parameters: Sequence[str] = ()
    direction: Direction = "both"
    has_stops: bool = True
    has_funding: bool = True
    capital: float = 10_000.0


def backtest_arguments(asked: AskedBacktest) -> list[str]:
    """Return the arguments of the command; pure.

    Raises
    ------
    ConfigurationError
        If a value is none that the command takes as one.

    Examples
    --------
    >>> backtest_arguments(AskedBacktest("ema_cross", ("BTC/USDT:USDT",)))[:4]
    ['backtest', 'ema_cross', 'BTC/USDT:USDT', '--json']
    """
    if not asked.symbols:
        raise ConfigurationError("symbols is empty; expected one or more, such as BTC/USDT:USDT")
    if len(asked.symbols) > _MOST_SYMBOLS:
        raise ConfigurationError(f"symbols has {len(asked.symbols)}; expected at most {_MOST_SYMBOLS}")
    _require("strategy", asked.strategy, _NAME, "a name such as ema_cross")
    _require("timeframe", asked.timeframe, _TIMEFRAME, "one such as 1h")
    for symbol in asked.symbols:
        _require("symbol", symbol, _SYMBOL, "one such as BTC/USDT:USDT")
    for value in asked.parameters:
        _require("parameter", value, _VALUE, "NAME=VALUE")
    told = ["backtest", asked.strategy, *asked.symbols, "--json", f"--timeframe={asked.timeframe}"]
    for name, moment in (("start", asked.start), ("end", asked.end)):
        if moment:
            _require(name, moment, _MOMENT, "a time such as 2024-01-31T12:00")
            told.append(f"--{name}={moment}")
    told += [f"--set={value}" for value in asked.parameters]
    told += [f"--stops={_switched(asked.has_stops)}", f"--funding={_switched(asked.has_funding)}"]
    return [*told, f"--direction={asked.direction}", f"--capital={asked.capital!r}"]


def _switched(is_on: bool) -> str:
    return "on" if is_on else "off"


def _require(name: str, value: str, form: re.Pattern[str], expected: str) -> None:
    if not form.fullmatch(value):
        raise ConfigurationError(f"{name} is {value!r:.80}; expected {expected}")
