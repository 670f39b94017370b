"""The job that runs one backtest on what is stored: a process of the command line does the work."""

import json
import os
import re
import subprocess
import sys
from enum import Enum
from typing import Any, Final

import dagster as dg
from pydantic import Field

from assets.resources import Platform

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9/:.-]{0,59}")
_VALUE: Final = re.compile(r"[a-z_][a-z0-9_]*=[\w.+-]{1,60}")
_MOMENT: Final = re.compile(r"[0-9][0-9T:Z -]{0,30}")
_LONGEST_SECONDS: Final = 3600


class HeldSides(Enum):
    """Sides that it may hold."""

    BOTH = "both"
    LONG = "long"
    SHORT = "short"


class BacktestAsked(dg.Config):
    """What is asked for, as the form of the console has it."""

    strategy: str = Field(description="name of a strategy, such as ema_cross")
    symbols: list[str] = Field(description="such as BTC/USDT:USDT; several share one account")
    timeframe: str = Field(default="1h", description="of the bars that it decides on")
    start: str = Field(default="", description="first time, UTC; empty: all there is")
    end: str = Field(default="", description="end, UTC, exclusive; empty: all there is")
    parameters: list[str] = Field(default=[], description="such as fast=12")
    direction: HeldSides = Field(default=HeldSides.BOTH, description="sides that it may hold")
    has_stops: bool = Field(default=True, description="whether its stops are followed")
    has_funding: bool = Field(default=True, description="whether funding is paid")
    capital: float = Field(default=10_000.0, gt=0, description="at the start, quote")
    reason: str = Field(default="", description="why, in a sentence")


@dg.op
def run_backtest(
    context: dg.OpExecutionContext, config: BacktestAsked, platform: dg.ResourceParam[Platform]
) -> None:
    """Run one backtest and store it; what can't be asked fails the run with one sentence."""
    command = (sys.executable, "-P", "-m", "quant_pipelines.cli", *arguments_of(config))
    environment = os.environ | {"QUANT_HOME": str(platform.home)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
        raise dg.Failure(said[-1], allow_retries=False)
    found: dict[str, Any] = json.loads(done.stdout)
    number = found.get("backtest_id")
    context.log.info("backtest %s: %s quote at the end", number, found["final_equity"])
    context.instance.add_run_tags(context.run_id, {"quant/result": f"backtest {number}"})


backtest = dg.GraphDefinition(
    name="backtest",
    node_defs=[run_backtest],
    description="Backtest one strategy on the bars that are stored, because somebody asks",
).to_job()


def arguments_of(asked: BacktestAsked) -> list[str]:
    """Arguments of ``quant backtest``; pure.

    Raises
    ------
    dagster.Failure
        If a value is none that the command takes as one: it names strategies, never paths or options.
    """
    if not asked.symbols:
        raise dg.Failure("symbols is empty; expected one or more, such as BTC/USDT:USDT", allow_retries=False)
    _require("strategy", asked.strategy, _NAME, "a name such as ema_cross")
    for symbol in asked.symbols:
        _require("symbol", symbol, _SYMBOL, "one such as BTC/USDT:USDT")
    for value in asked.parameters:
        _require("parameter", value, _VALUE, "NAME=VALUE")
    told = ["backtest", asked.strategy, *asked.symbols, "--json", f"--timeframe={asked.timeframe}"]
    for name in ("start", "end"):
        if moment := getattr(asked, name):
            _require(name, moment, _MOMENT, "a time such as 2024-01-31T12:00")
            told.append(f"--{name}={moment}")
    told += [f"--set={value}" for value in asked.parameters]
    switches = {"stops": asked.has_stops, "funding": asked.has_funding}
    told += [f"--{name}={'on' if is_on else 'off'}" for name, is_on in switches.items()]
    return [*told, f"--direction={asked.direction.value}", f"--capital={asked.capital!r}"]


def _require(name: str, value: str, form: re.Pattern[str], expected: str) -> None:
    if not form.fullmatch(value):
        raise dg.Failure(f"{name} is {value!r:.80}; expected {expected}", allow_retries=False)
