"""The tool that runs a backtest, as ``quant backtest`` does, in a process of its own."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.operations.backtest_command import (
    AskedBacktest,
    BacktestRefused,
    backtest_answer,
    backtest_process,
)

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
    BacktestRefused
        If it is refused, or takes longer than five minutes.
    """
    start = backtest_process(asked_backtest(asked), home, os.environ)
    process = await asyncio.create_subprocess_exec(
        *start.command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=start.environment,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError as error:
        raise BacktestRefused(
            f"the backtest took longer than {_SECONDS:.0f} s; expected a shorter one"
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return backtest_answer(process.returncode or 0, out.decode(), err.decode(errors="replace"))
