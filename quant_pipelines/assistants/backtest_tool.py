"""The tool that runs a backtest, as ``quant backtest`` does, in a process of its own."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.core.settings import CHANNELS_VARIABLE, SECRET_VARIABLES, TOKEN_VARIABLE
from quant_pipelines.operations.backtest_command import AskedBacktest, backtest_arguments

_SECONDS = 300.0
_KINDS: dict[str, type] = {"string": str, "array": list, "object": dict}
BACKTEST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "strategy": {"type": "string", "description": "name of a strategy of the library, never a file"},
        "symbols": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "description": "one or more, such as BTC/USDT:USDT",
        },
        "timeframe": {"type": "string", "description": "such as 1h, which it is where none is given"},
        "start": {"type": "string", "description": "first time, UTC, such as 2024-01-01; else all there is"},
        "end": {"type": "string", "description": "end, UTC, exclusive"},
        "parameters": {
            "type": "object",
            "additionalProperties": {"type": ["number", "string"]},
            "description": "values of the strategy's parameters in place of its own",
        },
    },
    "required": ["strategy", "symbols"],
    "additionalProperties": False,
}


class BacktestFailed(QuantError):
    """A backtest was refused; carries its sentence."""


def asked_backtest(given: Mapping[str, Any]) -> AskedBacktest:
    """Read what an assistant asks for.

    Raises
    ------
    ConfigurationError
        If an argument is unknown, missing, or of another kind than its description says.

    Examples
    --------
    >>> asked_backtest({"strategy": "ema_cross", "symbols": ["BTC/USDT:USDT"], "parameters": {"fast": 12}})
    AskedBacktest(strategy='ema_cross', symbols=['BTC/USDT:USDT'], timeframe='1h', start='', end='', \
parameters=['fast=12'], direction='both', has_stops=True, has_funding=True, capital=10000.0)
    """
    known = BACKTEST_SCHEMA["properties"]
    for name, value in given.items():
        if name not in known:
            names = ", ".join(known)
            raise ConfigurationError(f"backtest has no argument {name!r}; expected one of {names}")
        if not isinstance(value, _KINDS[known[name]["type"]]):
            raise ConfigurationError(f"{name} is {value!r:.80}; expected {known[name]['description']}")
    for name in BACKTEST_SCHEMA["required"]:
        if name not in given:
            raise ConfigurationError(f"backtest needs {name}; expected {known[name]['description']}")
    values = [f"{name}={value}" for name, value in given.get("parameters", {}).items()]
    return AskedBacktest(**{**given, "symbols": [str(one) for one in given["symbols"]], "parameters": values})


async def run_backtest(asked: Mapping[str, Any], home: Path) -> str:
    """Run a backtest and return its result, JSON text.

    Raises
    ------
    ConfigurationError
        If it was asked for wrongly.
    BacktestFailed
        If it is refused, or takes longer than five minutes.
    """
    command: Sequence[str] = (
        sys.executable,
        "-P",
        "-m",
        "quant_pipelines.cli",
        *backtest_arguments(asked_backtest(asked)),
    )
    hidden = SECRET_VARIABLES | {TOKEN_VARIABLE, CHANNELS_VARIABLE}
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
