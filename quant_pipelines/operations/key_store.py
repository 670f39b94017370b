"""Where API keys and seeds are, and what opens them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from quant_pipelines.core.clock import Clock, system_clock_ms


@dataclass(frozen=True, slots=True)
class KeyStore:
    """Where keys are, and what opens them.

    Parameters
    ----------
    engine
        Product database.
    home
        Folder with the master key's file.
    environment
        May hold the master key instead.
    clock
        When keys change.
    """

    engine: Engine
    home: Path
    environment: Mapping[str, str]
    clock: Clock = system_clock_ms
