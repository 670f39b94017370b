"""A backtest that somebody asks for from afar, as a process of ``quant backtest``: no path, no option."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.core.orders import Direction
from quant_pipelines.core.secret_variables import PRIVATE_VARIABLES

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


class BacktestProcess(NamedTuple):
    """How a backtest is started: in a process that sees no secret, for the strategy's text runs in it.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        Its variables.
    """

    command: tuple[str, ...]
    environment: dict[str, str]


def backtest_process(asked: AskedBacktest, home: Path, variables: Mapping[str, str]) -> BacktestProcess:
    """Decide how a backtest is started; pure.

    Parameters
    ----------
    asked
        What is asked for.
    home
        Stack whose bars are read, and which keeps the result.
    variables
        Environment of this process.

    Raises
    ------
    ConfigurationError
        If a value is none that the command takes as one.
    """
    command = (sys.executable, "-P", "-m", "quant_pipelines.cli", *backtest_arguments(asked))
    seen = {name: value for name, value in variables.items() if name not in PRIVATE_VARIABLES}
    return BacktestProcess(command, seen | {"QUANT_HOME": str(home)})


class BacktestRefused(QuantError):
    """A backtest that was started gave no result; carries its sentence."""


def backtest_answer(code: int, out: str, err: str) -> str:
    """Read what a backtest's process left: its document, JSON text.

    Raises
    ------
    BacktestRefused
        If it did not end well; its last line says why.

    Examples
    --------
    >>> backtest_answer(0, '{"final_equity": 1.0}', "")
    '{"final_equity": 1.0}'
    """
    if code == 0:
        return out
    said = err.strip().splitlines() or [f"the backtest ended with code {code}"]
    raise BacktestRefused(said[-1])


def _switched(is_on: bool) -> str:
    return "on" if is_on else "off"


def _require(name: str, value: str, form: re.Pattern[str], expected: str) -> None:
    if not form.fullmatch(value):
        raise ConfigurationError(f"{name} is {value!r:.80}; expected {expected}")
