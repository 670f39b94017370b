"""Where strategy files lie; apart from what compiles them, so that asking costs nothing."""

import importlib.util
from pathlib import Path

from quant_pipelines.core.errors import ConfigurationError


def strategies_folder(explicit: str = "") -> Path:
    """Folder of strategy files: the explicit one, else ``./strategies``, else the installed ones.

    Raises
    ------
    ConfigurationError
        If the folder isn't there.

    Examples
    --------
    >>> from quant_pipelines.sdk import strategies_folder
    >>> strategies_folder().name
    'strategies'
    """
    if explicit:
        folder = Path(explicit).expanduser()
        if not folder.is_dir():
            raise ConfigurationError(f"strategies_folder is {explicit!r}; expected an existing folder")
        return folder
    local = Path("strategies")
    if local.is_dir():
        return local.resolve()
    spec = importlib.util.find_spec("strategies")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError("no strategies folder; expected ./strategies or the installed ones")
    return Path(next(iter(spec.submodule_search_locations)))
