"""A strategy's text is tried in a process of its own: limited in time and memory, without the environment.

``python -P -m quant_pipelines.sdk.trial.sandbox`` reads one JSON document (name, source) from stdin and
answers with one on stdout. The caller never runs the text.
"""

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.sdk.trial.contract import Check, check_strategy

_COMMAND = (sys.executable, "-P", "-m", "quant_pipelines.sdk.trial.sandbox")
_KEPT = (
    "PATH",
    "PYTHONPATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "NUMBA_CACHE_DIR",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
)
_MEGABYTE = 1 << 20


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
    >>> from quant_pipelines.sdk.trial.sandbox import Limits
    >>> Limits(seconds=10.0)
    Limits(seconds=10.0, megabytes=4096)
    """

    seconds: float = 120.0
    megabytes: int = 4096


def try_strategy(name: str, source: str, limits: Limits = Limits()) -> list[Check]:
    """Put a strategy's text through the contract in a process of its own.

    Returns
    -------
    list[Check]
        ``loads`` first; a text that does not load has no other.

    Raises
    ------
    StrategyError
        If the trial took too long, too much memory, or its process died.

    Examples
    --------
    >>> from quant_pipelines.sdk.trial.sandbox import try_strategy
    >>> try_strategy("idea", "window = 5")
    [Check(name='loads', fault='strategy idea: defines 0 strategy classes; expected one')]
    """
    question = json.dumps({"name": name, "source": source, "megabytes": limits.megabytes})
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
    try:
        answer = subprocess.run(
            _COMMAND,
            input=question,
            capture_output=True,
            text=True,
            env=environment,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StrategyError(
            f"strategy {name}: its trial took longer than {limits.seconds:.0f} s and was ended"
        ) from error
    if answer.returncode:
        last = answer.stderr.strip().rpartition("\n")[2] or f"exit code {answer.returncode}"
        raise StrategyError(f"strategy {name}: its trial ended with {last}")
    return [Check(**one) for one in json.loads(answer.stdout)]


def _answer(question: dict[str, Any]) -> list[dict[str, str]]:
    try:
        found = compile_strategy(question["name"], question["source"])
    except StrategyError as error:
        return [{"name": "loads", "fault": str(error)}]
    checks = [Check("loads"), *check_strategy(found.strategy_class)]
    return [{"name": check.name, "fault": check.fault} for check in checks]


def main() -> None:
    """Answer the process that started this one."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # what a strategy prints must not end up in the answer
    question = json.load(sys.stdin)
    size = question["megabytes"] * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(_answer(question), answers)
    answers.flush()


if __name__ == "__main__":
    main()
