"""Symbols in which nothing may be opened, as the settings have them now: a change needs no restart."""

import logging
from collections.abc import Callable
from pathlib import Path

from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.settings import Settings

_log = logging.getLogger(__name__)


class RestrictedSymbols:
    """Reads them again whenever the settings file was written; called from any thread.

    Parameters
    ----------
    settings
        As they were read at the start.
    load
        Reads them again.
    file
        Settings file.
    """

    def __init__(self, settings: Settings, load: Callable[[], Settings], file: Path) -> None:
        self._symbols = frozenset(settings.runner.restricted_symbols)
        self._load = load
        self._file = file
        self._written_ns = self._newest()

    def __call__(self) -> frozenset[str]:
        """Return them; those of before while the file can't be read, which is said once, or is gone."""
        newest = self._newest()
        if newest and newest != self._written_ns:
            self._written_ns = newest
            try:
                self._symbols = frozenset(self._load().runner.restricted_symbols)
            except ConfigurationError as error:
                _log.warning("settings are not followed", extra={"error": str(error)})
        return self._symbols

    def _newest(self) -> int:
        try:
            return self._file.stat().st_mtime_ns
        except OSError:
            return 0
