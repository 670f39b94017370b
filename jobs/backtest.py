"""The job that runs one backtest on what is stored: a process of the command line does the work."""

import json
import os
import subprocess
from enum import Enum
from typing import Any, Final

import dagster as dg
from pydantic import Field

from assets.resources import Platform
from quant_pipelines.core.errors import QuantError
from quant_pipelines.operations.backtest_command import AskedBacktest, backtest_answer, backtest_process

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
    try:
        start = backtest_process(asked_of(config), platform.home, os.environ)
        done = subprocess.run(
            start.command,
            env=start.environment,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
        answer = backtest_answer(done.returncode, done.stdout, done.stderr)
    except QuantError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    found: dict[str, Any] = json.loads(answer)
    number = found.get("backtest_id")
    context.log.info("backtest %s: %s quote at the end", number, found["final_equity"])
    context.instance.add_run_tags(context.run_id, {"quant/result": f"backtest {number}"})


backtest = dg.GraphDefinition(
    name="backtest",
    node_defs=[run_backtest],
    description="Backtest one strategy on the bars that are stored, because somebody asks",
).to_job()


def asked_of(config: BacktestAsked) -> AskedBacktest:
    """Read what a form asks for."""
    values = {name: getattr(config, name) for name in AskedBacktest._fields}
    return AskedBacktest(**values | {"direction": config.direction.value})
