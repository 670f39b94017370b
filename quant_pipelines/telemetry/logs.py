"""Sends the log of a process to stderr, as the settings say."""

import logging
import sys
from typing import TextIO

from quant_pipelines.core.telemetry_settings import LogSettings
from quant_pipelines.telemetry.lines import line_format
from quant_pipelines.telemetry.sparing import Sparing

_CHATTY = ("ccxt", "alembic", "asyncio", "websockets", "aiohttp", "urllib3", "sqlalchemy", "uvicorn.access")
"""Libraries that tell every step at INFO or DEBUG; their warnings count."""


def write_logs(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send this process's log to stderr, one line for each record; what was set up before is replaced.

    Parameters
    ----------
    settings
        Form and least level.
    stream
        Where it goes; None: stderr as it is now.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(line_format(settings.format))
    handler.addFilter(Sparing())
    logging.basicConfig(level=settings.level, handlers=[handler], force=True)
    least = max(logging.getLevelNamesMapping()[settings.level], logging.WARNING)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(least)
