"""One unit of research: strategy x symbol x timeframe, with everything that decides its result."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from quant_pipelines.core.removed_settings import REMOVED
from quant_pipelines.core.search_settings import (
    ConstraintSettings,
    OptimizationSettings,
    ParameterRange,
    WindowSettings,
)
from quant_pipelines.core.settings import (
    CostSettings,
    ExecutionSettings,
    GateSettings,
    RiskSettings,
    Settings,
)
from quant_pipelines.core.timeframes import HOUR_MS, timeframe_ms
from quant_pipelines.research.objective import read_objective

COMBINATORIAL: Final = "combinatorial"
"""Calendar of a study of many paths, which is no walk-forward."""


@dataclass(frozen=True, slots=True)
class OptimizationJob:
    """Walk-forward to run; plain values only, so that it crosses processes and is stored as it is.

    Parameters
    ----------
    strategy
        Name of a strategy or path of its file.
    symbol, timeframe
        What to trade, a symbol or the name of an instrument set, on which bars.
    window_end_ms
        End of the last test window, a UTC midnight in milliseconds; None takes the last one in the data.
    windows
        Lengths of the folds, and how many are wanted.
    folds
        How many of them are run, the newest; None takes as many as the history covers, see ``settle_window``.
    window_start_ms
        First bar that a fold may train on, milliseconds UTC; None takes all history.
    exchange
        ccxt id.
    searcher, trials, objective, seed
        How to search in each fold.
    objective_text
        Text of an objective of one's own, which ``objective`` names; empty for a known one.
    promise
        Times as many parameter sets are tried in folds whose train window has promise, see ``Plan``.
    space
        Parameters of which less than the declared bounds is searched.
    constraints
        What a parameter set must keep in a train window.
    overfit_points, overfit_blocks
        Sobol points behind the overfit statistics, and blocks of their cross-validation.
    costs, execution, risk, gates
        Fees and slippage; how orders fill; limits of the book; thresholds of the verdict.
    capital
        Quote currency of the book.
    strategies_folder
        Folder of strategy files; empty means ./strategies, else the installed ones.
    archive
        Folder of Parquet files to read instead of the database; None reads the database.
    trigger
        Why it is run: first start, daily, operator or command line.
    """

    strategy: str
    symbol: str
    timeframe: str
    window_end_ms: int | None = None
    windows: WindowSettings = WindowSettings()  # noqa: RUF009 - frozen
    folds: int | None = None
    window_start_ms: int | None = None
    exchange: str = "binanceusdm"
    searcher: str = "ga"
    trials: int = 64
    objective: str = "sharpe"
    objective_text: str = ""
    seed: int = 1
    promise: int = 1
    space: tuple[ParameterRange, ...] = ()
    constraints: ConstraintSettings = ConstraintSettings()  # noqa: RUF009 - frozen
    overfit_points: int = 64
    overfit_blocks: int = 8
    costs: CostSettings = CostSettings()  # noqa: RUF009 - frozen
    execution: ExecutionSettings = ExecutionSettings()  # noqa: RUF009 - frozen
    risk: RiskSettings = RiskSettings()  # noqa: RUF009 - frozen
    gates: GateSettings = GateSettings()  # noqa: RUF009 - frozen
    capital: float = 10_000.0
    strategies_folder: str = ""
    archive: str | None = None
    trigger: str = "operator"

    def to_document(self) -> dict[str, Any]:
        """Job as a JSON document."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "OptimizationJob":
        """Job of a document that ``to_document`` made; an older one may name settings that are gone."""
        values = dict(document)
        for name, kind in _NESTED.items():
            stored = values.get(name, {})
            values[name] = kind(**{key: stored[key] for key in stored if f"{name}.{key}" not in REMOVED})
        values["space"] = tuple(ParameterRange(**one) for one in values.get("space", ()))
        return cls(**values)


_NESTED: dict[str, Any] = {
    "windows": WindowSettings,
    "constraints": ConstraintSettings,
    "costs": CostSettings,
    "execution": ExecutionSettings,
    "risk": RiskSettings,
    "gates": GateSettings,
}


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Job that ended without a verdict, and the sentence that says why; the other jobs go on."""

    job: OptimizationJob
    error: str


@dataclass(frozen=True, slots=True)
class Studied:
    """A combinatorial study that was run.

    Parameters
    ----------
    job
        What was asked for.
    result
        Figures, paths and splits as a JSON document.
    id
        Key of the stored row; None where nothing is stored.
    """

    job: OptimizationJob
    result: dict[str, Any]
    id: int | None = None


@dataclass(frozen=True, slots=True)
class NotReached:
    """Job that the time was over for."""

    job: OptimizationJob


def make_job(
    settings: Settings, strategy: str, symbol: str, timeframe: str, window_end_ms: int | None = None
) -> OptimizationJob:
    """Job as the settings have it; change what differs with ``dataclasses.replace``.

    Parameters
    ----------
    settings
        Settings of the process.
    strategy
        Name or path.
    symbol, timeframe
        What to trade, on which bars.
    window_end_ms
        UTC midnight in milliseconds; None takes the last one in the data.

    Raises
    ------
    OptimizationError
        If the objective is unknown or its file can't be used.
    """
    search = settings.optimization
    objective = read_objective(search.objective)
    return OptimizationJob(
        strategy=strategy,
        symbol=symbol,
        timeframe=timeframe,
        window_end_ms=window_end_ms,
        windows=_windows(search, timeframe),
        exchange=settings.exchange.id,
        searcher=search.searcher,
        trials=search.trials,
        objective=objective.name,
        objective_text=objective.text,
        seed=search.seed,
        promise=search.promise_factor,
        constraints=search.constraints,
        overfit_points=search.overfit_points,
        overfit_blocks=search.overfit_blocks,
        costs=settings.costs,
        execution=settings.execution,
        risk=settings.risk,
        gates=settings.gates,
        capital=settings.portfolio.deployment_capital,
        strategies_folder=settings.strategies_folder,
    )


def _windows(search: OptimizationSettings, timeframe: str) -> WindowSettings:
    return search.minute_windows if timeframe_ms(timeframe) < HOUR_MS else search.hour_windows
