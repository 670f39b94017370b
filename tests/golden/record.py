"""``python -m tests.golden.record``: keep the answers of the code in use, after they were meant to change."""

import json
import os
import tempfile
from pathlib import Path

from tests.golden.market import write_market
from tests.golden.runs import RECORDED, RUNS, STRATEGIES, answer_of


def record() -> None:
    """Write all answers."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["QUANT_HOME"], os.environ["QUANT_STRATEGIES_FOLDER"] = f"{folder}/home", str(STRATEGIES)
        archive = write_market(Path(folder) / "archive")
        answers = {name: answer_of(arguments, archive) for name, arguments in RUNS.items()}
    RECORDED.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    record()
