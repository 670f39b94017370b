"""What lines of a log are made with, of structlog, without what paints tracebacks in a terminal.

structlog imports rich and its highlighter wherever they are installed, and Dagster installs them: 5 MB in
each process, for colors that no log of ours has. It does without where they are missing, so it is told
that they are; who wants them elsewhere imports them as ever.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PAINTERS = ("rich", "colorama", "better_exceptions")


@contextmanager
def _absent() -> Iterator[None]:
    """Have the import of painters fail throughout the block, but of those that somebody else loaded."""
    hidden = [name for name in _PAINTERS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: it can not be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _absent():
    from structlog.dev import ConsoleRenderer, plain_traceback
    from structlog.processors import JSONRenderer
    from structlog.stdlib import ExtraAdder, ProcessorFormatter

__all__ = ["ConsoleRenderer", "ExtraAdder", "JSONRenderer", "ProcessorFormatter", "plain_traceback"]
