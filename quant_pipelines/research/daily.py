"""What is optimized every day: each strategy on each symbol of the whitelist, and on the instrument sets."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine

from quant_pipelines.core.instrument_sets import set_name, symbols_of
from quant_pipelines.core.settings import OptimizationSettings, Settings
from quant_pipelines.core.timeframes import DAY_MS, floor_ms
from quant_pipelines.research.job import OptimizationJob, make_job
from quant_pipelines.store.market import read_whitelist


@dataclass(frozen=True, slots=True)
class Scope:
    """Part of the day's work, and how hard to search; what is empty stands for everything.

    Parameters
    ----------
    strategies, symbols, timeframes
        What to optimize; a name that is given need not be in the settings.
    trials_factor
        Times as many parameter sets as the settings ask for.
    """

    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ()
    trials_factor: int = 1


EVERYTHING = Scope()


def daily_jobs(
    settings: Settings, engine: Engine, now_ms: int, *, trigger: str = "daily", scope: Scope = EVERYTHING
) -> list[OptimizationJob]:
    """Jobs whose window ends at the last UTC midnight, so that any hour of a day gives the same ones.

    Symbols stand together, so that a worker reads each symbol's bars once.

    Parameters
    ----------
    settings
        Settings of the process; they stand for the whitelist while its table is empty.
    engine
        Product database.
    now_ms
        Milliseconds UTC.
    trigger
        Why they are run.
    scope
        Only a part, or a deeper search.
    """
    end_ms = floor_ms(now_ms, DAY_MS)
    symbols = (
        scope.symbols or read_whitelist(engine, settings.exchange.id) or sorted(settings.market.whitelist)
    )
    search = settings.optimization
    changes: dict[str, Any] = {"trigger": trigger, "trials": search.trials * scope.trials_factor}
    together = () if scope.symbols else search.instrument_sets
    units = [
        *((scope.strategies or search.strategies, _unit(settings, name)) for name in symbols),
        *((_set_strategies(search, scope), _unit(settings, name)) for name in together),
    ]
    return [
        replace(make_job(settings, strategy, symbol, timeframe, end_ms), **changes)
        for strategies, symbol in units
        for timeframe in scope.timeframes or search.timeframes
        for strategy in strategies
    ]


def _unit(settings: Settings, name: str) -> str:
    return set_name(symbols_of(name), settings.exchange.id)


def _set_strategies(search: OptimizationSettings, scope: Scope) -> tuple[str, ...]:
    """Strategies of the instrument sets that are in the scope."""
    wanted = scope.strategies or search.set_strategies
    return tuple(strategy for strategy in search.set_strategies if strategy in wanted)
