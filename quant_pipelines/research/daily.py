"""What is optimized every day: each strategy on each symbol of the whitelist, and on the instrument sets."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.instrument_sets import set_name, symbols_of
from quant_pipelines.core.search_settings import ParameterRange
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import DAY_MS, floor_ms, from_ms
from quant_pipelines.research.job import COMBINATORIAL, OptimizationJob, make_job
from quant_pipelines.sdk import Inputs
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.first_start import has_results
from quant_pipelines.store.library import symbols_in_force
from quant_pipelines.store.searched import Round, SearchUnit, save_searched, window_ends
from quant_pipelines.store.whitelist import read_staying

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scope:
    """Part of the day's work, and how hard to search; what is empty stands for everything.

    Parameters
    ----------
    strategies, symbols, timeframes
        What to optimize; a name that is given need not be in the settings.
    trials_factor
        Times as many parameter sets as the settings ask for.
    changes
        Settings of the optimization that differ, such as ``searcher``.
    windows
        Lengths and number of the folds that do, whatever the timeframe.
    constraints
        Constraints that do.
    space
        Parameters of which less than the declared bounds is searched.
    """

    strategies: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ()
    trials_factor: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)
    windows: Mapping[str, Any] = field(default_factory=dict)
    constraints: Mapping[str, Any] = field(default_factory=dict)
    space: tuple[ParameterRange, ...] = ()


EVERYTHING = Scope()


class _Strategies(NamedTuple):
    """What is searched on single symbols, and what on sets of how many: 0 is any number from 2 up."""

    single: tuple[str, ...]
    together: Mapping[str, int | None]

    def of_set(self, n_symbols: int) -> list[str]:
        """Strategies that trade so many symbols; one that is named is asked whatever is known of it."""
        return [name for name, n in self.together.items() if n is None or Inputs(symbols=n).takes(n_symbols)]


def daily_jobs(
    settings: Settings, engine: Engine, now_ms: int, *, trigger: str = "daily", scope: Scope = EVERYTHING
) -> list[OptimizationJob]:
    """Jobs whose window ends at the last UTC midnight, so that any hour of a day gives the same ones.

    What was searched longest ago comes first, so that what a night's time does not reach is the next one's
    beginning. Apart from that symbols stand together, so that a worker reads each symbol's bars once.

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
    round_ = Round(settings.exchange.id, scope.trials_factor)
    units = _units(settings, engine, scope)
    with transaction(engine) as connection:
        last = window_ends(connection, round_)
    chosen = replace(settings, optimization=replace(settings.optimization, **scope.changes))
    jobs = (make_job(chosen, *unit, end_ms) for unit in _longest_ago_first(units, last))
    return [
        replace(
            job,
            trigger=trigger,
            promise=job.promise if scope.trials_factor == 1 else 1,
            space=scope.space,
            trials=job.trials * scope.trials_factor,
            windows=replace(job.windows, **scope.windows),
            constraints=replace(job.constraints, **scope.constraints),
        )
        for job in jobs
    ]


def unit_of(job: OptimizationJob) -> SearchUnit:
    """Tell what a job searches."""
    return SearchUnit(job.strategy, job.symbol, job.timeframe)


def note_searched(engine: Engine, job: OptimizationJob, *, depth: int = 1) -> None:
    """Store that a job was begun, whatever comes of it, so that the others come first the next time.

    A study of many paths stands for no search. Where the database can't take it, its unit comes early the
    next time, too: no search fails for that.
    """
    if job.windows.calendar == COMBINATORIAL:
        return
    try:
        with transaction(engine) as connection:
            end = from_ms(job.window_end_ms or 0)
            save_searched(connection, Round(job.exchange, depth), unit_of(job), end)
    except StoreError as error:
        _log.warning("%s is searched, which could not be noted: %s", " ".join(unit_of(job)), error)


def _longest_ago_first(units: Iterable[SearchUnit], last: Mapping[SearchUnit, datetime]) -> list[SearchUnit]:
    never = from_ms(0)
    return sorted(units, key=lambda unit: last.get(unit, never))


def _units(settings: Settings, engine: Engine, scope: Scope) -> list[SearchUnit]:
    search, exchange = settings.optimization, settings.exchange.id
    symbols = scope.symbols or read_staying(engine, exchange) or sorted(settings.market.whitelist)
    sets = () if scope.symbols else [symbols_of(name) for name in search.instrument_sets]
    strategies = _strategies(settings, engine, scope)
    on = [(set_name(symbols_of(name), exchange), strategies.single) for name in symbols]
    on += [(set_name(members, exchange), tuple(strategies.of_set(len(members)))) for members in sets]
    return [
        SearchUnit(strategy, name, timeframe)
        for name, wanted in on
        for timeframe in scope.timeframes or search.timeframes
        for strategy in wanted
    ]


def _strategies(settings: Settings, engine: Engine, scope: Scope) -> _Strategies:
    search = settings.optimization
    wanted = scope.strategies or search.set_strategies
    named: dict[str, int | None] = {name: None for name in search.set_strategies if name in wanted}
    if scope.strategies:
        return _Strategies(scope.strategies, named)
    # The first start shows a result soon: what is in force beside the named ones follows in the next night.
    if search.breadth == "named" or not has_results(engine):
        return _Strategies(search.strategies, named)
    with transaction(engine) as connection:
        in_force = symbols_in_force(connection)
    singles = dict.fromkeys((*search.strategies, *(name for name, n in in_force.items() if n == 1)))
    together = {name: n for name, n in in_force.items() if n != 1}
    return _Strategies(tuple(singles), named | together)
