"""Settings of the search: its windows, what a parameter set must keep, what is searched and how hard."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.setting_fields import file_setting, name_setting, setting


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Walk-forward windows of one timeframe, in days."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    train_days: int = setting(30, "days of each in-sample window", low=1, high=36_500)
    test_days: int = setting(10, "days of each out-of-sample window", low=1, high=36_500)
    folds: int = setting(
        6,
        "number of folds, one that is still open among them; their days are a fixed calendar's",
        low=1,
        high=1000,
    )
    min_folds: int = setting(
        3,
        "newest folds that must be possible where history is too short for all; fewer fail the job",
        low=1,
        high=1000,
    )
    purge_hours: int = setting(
        24,
        "hours left out between train and test at least: more where the best parameters have held for longer",
        low=0,
        high=876_000,
    )
    calendar: str = setting(
        "forward",
        "forward: each fold is tested after it was trained; combinatorial: groups of days are left out in "
        "turn, a study that no decision rests on",
        choices=("forward", "combinatorial"),
    )
    groups: int = setting(6, "groups of days of a combinatorial study", low=2, high=20)
    test_groups: int = setting(2, "groups that each of its splits tests", low=1, high=19)
    embargo_hours: int = setting(
        24, "hours left out after a tested group besides the purge; whole days", low=0, high=876_000
    )
    train_from: str = setting(
        "", "day from which every fold trains, such as 2024-01-01; empty: each on its own train_days"
    )


@dataclass(frozen=True, slots=True)
class ConstraintSettings:
    """What a parameter set must keep in its train window; what does not is no trial's best, however good."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    min_trades: int = setting(0, "closed trades in a train window", low=0, high=1_000_000)
    max_turnover: float = setting(
        0.0, "notional filled over the capital, in multiples a year; 0 is any", low=0, high=10**9
    )
    min_capacity: float = setting(
        0.0,
        "quote currency of which nine tenths of what a set trades must stay within capacity_participation of "
        "the bars that it trades in; 0 is any",
        low=0,
        high=10**15,
    )
    capacity_participation: float = setting(
        0.01, "share of each bar's volume that min_capacity is measured at", low=1e-06, high=1
    )


@dataclass(frozen=True, slots=True)
class ParameterRange:
    """Part of what a parameter declares that is searched; one value is fixed.

    Parameters
    ----------
    name
        Of the strategy's parameter.
    low, high
        Of a number, in its own unit, both included.
    step
        Between the values that are tried, from ``low`` on; 0 takes all.
    options
        Of a choice, which has no bounds.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A stored job has lists.
        object.__setattr__(self, "options", tuple(self.options))


def written_range(text: str) -> ParameterRange:
    """Range of ``name=low:high``, ``name=low:high:step``, or ``name=value``, which fixes the parameter.

    Of a choice ``name=option,option``.

    Raises
    ------
    ConfigurationError
        If the text is none of them.

    Examples
    --------
    >>> written_range("fast=5:20")
    ParameterRange(name='fast', low=5.0, high=20.0, step=0.0, options=())
    """
    name, _, value = (part.strip() for part in text.partition("="))
    options = tuple(part.strip() for part in value.split(","))
    if name and all(option.isidentifier() for option in options):
        return ParameterRange(name, options=options)
    parts = value.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if not name or not 1 <= len(numbers) <= len(("low", "high", "step")):
        raise ConfigurationError(f"space is {text!r}; expected NAME=LOW:HIGH[:STEP] or NAME=VALUE")
    step = numbers[2] if len(numbers) > len(("low", "high")) else 0.0
    return ParameterRange(name, numbers[0], numbers[min(1, len(numbers) - 1)], step)


@dataclass(frozen=True, slots=True)
class OptimizationSettings:
    """What is searched, and how hard."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    strategies: tuple[str, ...] = setting(
        ("ema_cross", "bollinger_reversion"),
        "strategies that the first start searches, and every daily search",
    )
    breadth: str = setting(
        "in_force",
        "what a daily search covers: those strategies (named), or with them every one that passed its trial "
        "(in_force)",
        choices=("named", "in_force"),
    )
    timeframes: tuple[str, ...] = setting(("1m", "1h"), "timeframes of the daily optimization")
    instrument_sets: tuple[str, ...] = name_setting(
        (),
        "symbols that are searched together, joined by +, such as BTC/USDT:USDT+ETH/USDT:USDT",
        "instrument set",
    )
    set_strategies: tuple[str, ...] = setting(
        ("pairs_cointegration", "zscore_spread"), "strategies of the daily optimization on instrument sets"
    )
    searcher: str = setting(
        "ga",
        "grid; an even cover (sobol); a model of what is known (bayes); cma; genetic (ga), or that by "
        "objective and drawdown (nsga2)",
        choices=("grid", "sobol", "bayes", "cma", "ga", "nsga2"),
    )
    trials: int = setting(64, "parameter sets tried in each fold", low=1, high=100_000)
    objective: str = file_setting(
        "sharpe",
        "what a trial is ranked by: one of these, or a .py file with a function objective(returns)",
        choices=("sharpe", "sortino", "calmar", "profit_factor", "psr"),
    )
    promise_factor: int = setting(
        2,
        "a fold tries this many times as many parameter sets where the best of the first two thirds of its "
        "train window earned in the last; 1 tries no more",
        low=1,
        high=100,
    )
    deep_factor: int = setting(
        4, "the weekly and the triggered searches try this many times as many parameter sets", low=1, high=100
    )
    seed: int = setting(1, "seed of the searchers", low=0, high=2**31 - 1)
    overfit_points: int = setting(
        64, "fixed Sobol points for trial variance, effective trials and PBO", low=2, high=100_000
    )
    overfit_blocks: int = setting(
        8, "blocks of the combinatorially symmetric cross-validation; even", low=2, high=24
    )
    workers: int = setting(2, "worker processes", low=1, high=256)
    cluster: str = name_setting(
        "",
        "scheduler of a Dask cluster that searches, such as tcp://10.0.0.5:8786; empty: processes of this "
        "machine",
        "cluster",
    )
    worker_megabytes: int = setting(
        6144,
        "address space of a worker process; a strategy that asks for more fails alone",
        low=2048,
        high=16_777_216,
    )
    job_minutes: float = setting(
        60.0,
        "longest time of one search; a worker that takes longer is ended and the next one goes on",
        low=0.01,
        high=525_600,
    )
    search_minutes: float = setting(
        180.0,
        "longest time of a whole search: later no job is begun, and what was not reached comes first the "
        "next time",
        low=0.01,
        high=525_600,
    )
    keep_reports: int = setting(
        500, "newest pages of verdicts that are kept in the home", low=1, high=1_000_000
    )
    constraints: ConstraintSettings = setting(ConstraintSettings(), "of a parameter set")
    minute_windows: WindowSettings = setting(
        WindowSettings(train_days=10, test_days=3, folds=6, purge_hours=4), "windows of timeframes below 1h"
    )
    hour_windows: WindowSettings = setting(WindowSettings(), "windows of timeframes from 1h up")
