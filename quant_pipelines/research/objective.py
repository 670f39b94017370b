"""Reads the objective that is asked for: a name, or a file whose text goes with the job."""

from pathlib import Path
from typing import NamedTuple

from quant_pipelines.core.errors import OptimizationError, unknown_name
from quant_pipelines.optimize.objective_file import compile_objective
from quant_pipelines.optimize.objectives import OBJECTIVES


class NamedObjective(NamedTuple):
    """Objective of a job: a known name without a text, or the name of a file with its text."""

    name: str
    text: str = ""


def read_objective(asked: str) -> NamedObjective:
    """Objective by its name or the path of its file, whose text is proven to define one.

    Raises
    ------
    OptimizationError
        If the name is unknown, or the file can't be read or used.
    """
    if not asked.endswith(".py"):
        if asked not in OBJECTIVES:
            raise OptimizationError(unknown_name("objective", asked, OBJECTIVES))
        return NamedObjective(asked)
    path = Path(asked).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OptimizationError(f"objective {asked!r} can't be read: {error}") from error
    compile_objective(path.name, text)
    return NamedObjective(path.name, text)
