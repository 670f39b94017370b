"""Files of trials that other tools wrote, one table: a layout is one file here and one row of it."""

from pathlib import Path

from quant_pipelines.archive.trials import (
    daily_returns,
    freqtrade_hyperopt,
    optuna_journal,
    optuna_tables,
)
from quant_pipelines.archive.trials.layout import TrialFile, TrialLayout
from quant_pipelines.core.errors import ConfigurationError, DataError, unknown_name
from quant_pipelines.optimize.imported import ImportedSearch

TRIAL_LAYOUTS: dict[str, TrialLayout] = {
    layout.name: layout
    for layout in (
        optuna_tables.LAYOUT,
        optuna_journal.LAYOUT,
        freqtrade_hyperopt.LAYOUT,
        daily_returns.LAYOUT,
    )
}
"""Every layout; what shows itself by its content comes before what only its name shows."""
_HEAD_BYTES = 1 << 16


def read_trials(path: Path, *, layout: str = "", study: str = "") -> ImportedSearch:
    """Read all trials of a file.

    Parameters
    ----------
    path
        File of any layout of the table.
    layout
        Which one, where the file does not show it.
    study
        Which study of a file that holds several.

    Raises
    ------
    ConfigurationError
        If there is no such layout.
    DataError
        If the file can't be read, is of no known layout, or has a value that can't be used: one sentence with
        its line, field, value and what was expected.
    """
    if layout and layout not in TRIAL_LAYOUTS:
        raise ConfigurationError(unknown_name("layout", layout, TRIAL_LAYOUTS))
    try:
        with path.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}; expected a file of trials") from error
    if not head.strip():
        raise DataError(f"{path} is empty; expected a file of trials")
    file = TrialFile(path, head, study)
    found = (
        TRIAL_LAYOUTS[layout]
        if layout
        else next((row for row in TRIAL_LAYOUTS.values() if row.is_of(file)), None)
    )
    if found is None:
        known = ", ".join(row.about for row in TRIAL_LAYOUTS.values())
        raise DataError(f"{path} has no layout that is known; expected {known}, or --layout")
    if study and not found.name.startswith("optuna"):
        raise ConfigurationError(f"study is {study!r}, but {found.about} holds one search; expected none")
    return found.read(file)
