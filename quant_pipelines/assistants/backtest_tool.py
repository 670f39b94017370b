"""The tool that runs a backtest, as ``quant backtest`` does, in a process of its own."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quant_pipelines.assistants.gateway_reader import TOKEN_VARIABLE
from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.core.settings import SECRET_VARIABLES

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9/:._-]{0,63}")
_NUMBER = re.compile(r"-?[A-Za-z0-9_.+-]{1,40}")
_SECONDS = 300.0
_MOST_SYMBOLS = 10
BACKTEST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "strategy": {"type": "string", "description": "name of a strategy of the library, never a file"},
        "symbols": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": _MOST_SYMBOLS,
            "description": "one to ten, such as BTC/USDT:USDT",
        },
        "timeframe": {"type": "string", "description": "such as 1h"},
        "start": {"type": "string", "description": "first time, UTC, such as 2024-01-01; else all there is"},
        "end": {"type": "string", "description": "end, UTC, exclusive"},
        "parameters": {
            "type": "object",
            "additionalProperties": {"type": ["number", "string"]},
            "description": "values of the strategy's parameters in place of its own",
        },
    },
    "required": ["strategy", "symbols", "timeframe"],
    "additionalProperties": False,
}


class BacktestFailed(QuantError):
    """A backtest was refused; carries its sentence."""


def backtest_arguments(asked: Mapping[str, Any]) -> list[str]:
    """Command line of a backtest that was asked for.

    Raises
    ------
    ConfigurationError
        If an argument is unknown, missing or malformed. A strategy is a name of the library: an assistant
        that can write files must not have them run here.

    Examples
    --------
    >>> backtest_arguments({"strategy": "ema_cross", "symbols": ["BTC/USDT:USDT"], "timeframe": "1h"})
    ['backtest', 'ema_cross', 'BTC/USDT:USDT', '--timeframe', '1h', '--json']
    """
    _require_known(asked)
    found = ["backtest", _matching("strategy", asked["strategy"], _NAME)]
    found += [_matching("symbols", symbol, _WORD) for symbol in asked["symbols"]]
    found += ["--timeframe", _matching("timeframe", asked["timeframe"], _WORD)]
    for name in ("start", "end"):
        if asked.get(name):
            found += [f"--{name}", _matching(name, asked[name], _WORD)]
    for name, value in (asked.get("parameters") or {}).items():
        found += ["--set", f"{_matching('parameters', name, _NAME)}={_matching(name, str(value), _NUMBER)}"]
    return [*found, "--json"]


def _require_known(asked: Mapping[str, Any]) -> None:
    known = BACKTEST_SCHEMA["properties"]
    for name in asked:
        if name not in known:
            names = ", ".join(known)
            raise ConfigurationError(f"backtest has no argument {name!r}; expected one of {names}")
    for name in BACKTEST_SCHEMA["required"]:
        if not asked.get(name):
            raise ConfigurationError(f"backtest needs {name}; expected {known[name]['description']}")
    if len(asked["symbols"]) > _MOST_SYMBOLS:
        raise ConfigurationError(f"symbols has {len(asked['symbols'])}; expected one to ten")


def _matching(name: str, value: Any, pattern: re.Pattern[str]) -> str:
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    raise ConfigurationError(f"{name} {value!r} is malformed; expected {pattern.pattern}")


async def run_backtest(asked: Mapping[str, Any], home: Path) -> str:
    """Run a backtest and return its result, JSON text.

    Raises
    ------
    ConfigurationError
        If it was asked for wrongly.
    BacktestFailed
        If it is refused, or takes longer than five minutes.
    """
    command: Sequence[str] = (sys.executable, "-P", "-m", "quant_pipelines.cli", *backtest_arguments(asked))
    hidden = SECRET_VARIABLES | {TOKEN_VARIABLE}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, "QUANT_HOME": str(home)},
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError as error:
        raise BacktestFailed(
            f"the backtest took longer than {_SECONDS:.0f} s; expected a shorter one"
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        raise BacktestFailed(lines[-1] if lines else f"the backtest ended with {process.returncode}")
    return out.decode()
