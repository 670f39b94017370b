"""A strategy's text is tried in a confined process: ``python -P -m quant_pipelines.sandbox.trial MEGABYTES``.

It reads one question (name, source) and answers with the checks. The caller never runs the text.
"""

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import quant_pipelines.indicators  # noqa: F401 - what strategies import is here before files are closed
from quant_pipelines.core.errors import StrategyError, StrategyMissed
from quant_pipelines.sandbox.channel import end_after, hush, listen, tell
from quant_pipelines.sandbox.confine import confine
from quant_pipelines.sandbox.life import Life
from quant_pipelines.sandbox.wire import Frame, MalformedFrame
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.sdk.trial.contract import Check, check_strategy


@dataclass(frozen=True, slots=True)
class Limits:
    """What a trial may take.

    Parameters
    ----------
    seconds
        Of wall time, compilation included.
    megabytes
        Of address space; compiled kernels alone map about one gigabyte.

    Examples
    --------
    >>> from quant_pipelines.sandbox.trial import Limits
    >>> Limits(seconds=10.0)
    Limits(seconds=10.0, megabytes=4096)
    """

    seconds: float = 120.0
    megabytes: int = 4096


class Tried(NamedTuple):
    """What a trial found.

    Parameters
    ----------
    checks
        ``loads`` first; a text that does not load has no other.
    symbols
        How many it trades together, 0 for any number from 2 up; None for a text that does not load.
    """

    checks: list[Check]
    symbols: int | None = None


def try_strategy(name: str, source: str, limits: Limits = Limits()) -> Tried:
    """Put a strategy's text through the contract in a process of its own.

    Raises
    ------
    StrategyError
        If the trial took too long, too much memory, or its process died.

    Examples
    --------
    >>> from quant_pipelines.sandbox.trial import try_strategy
    >>> try_strategy("idea", "window = 5").checks
    [Check(name='loads', fault='strategy idea: defines 0 strategy classes; expected one')]
    """
    with tempfile.TemporaryDirectory(prefix="quant-trial-") as folder:
        life = Life("trial", Path(folder), limits.megabytes)
        try:
            life.wait_ready(limits.seconds)
            question = {"name": name, "source": source, "seconds": limits.seconds}
            life.send(Frame(question, {}), limits.seconds)
            answer = life.read()
        except (StrategyMissed, MalformedFrame) as missed:
            raise StrategyError(f"strategy {name}: its trial was ended: {missed}") from missed
        finally:
            life.end()
    return Tried([Check(**one) for one in answer.document["checks"]], answer.document["symbols"])


def _tried(question: dict[str, Any]) -> Tried:
    try:
        found = compile_strategy(question["name"], question["source"]).strategy_class
    except StrategyError as error:
        return Tried([Check("loads", str(error))])
    return Tried([Check("loads"), *check_strategy(found)], found.inputs.symbols)


def main() -> None:
    """Answer the process that started this one."""
    hush()
    tell({"answer": confine(int(sys.argv[1]))})
    question = listen().document
    end_after(question["seconds"])
    checks, symbols = _tried(question)
    tell({"checks": [asdict(check) for check in checks], "symbols": symbols})


if __name__ == "__main__":
    main()
