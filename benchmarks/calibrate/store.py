"""What was measured, one JSON line a part of a row; parts of the same code are not measured again."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MEASURED_BY = ("quant_pipelines/optimize/decision", "benchmarks/calibrate")
_SHOWING = frozenset({"report.py", "__main__.py", "store.py", "intervals.py"})


def code_digest() -> str:
    """Names the code that decides and the code that makes worlds, not the code that shows what came of it."""
    digest = hashlib.sha256()
    for folder in MEASURED_BY:
        for file in sorted((ROOT / folder).glob("*.py")):
            if file.name not in _SHOWING:
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class MeasuredParts:
    """Parts by name, kept in a file of this code's digest."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{code_digest()}.jsonl"
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        self._parts: dict[str, Any] = {line["part"]: line["measured"] for line in map(json.loads, lines)}

    @property
    def parts(self) -> Mapping[str, Any]:
        return self._parts

    def measure(self, part: str, run: Callable[[], Any]) -> Any:
        """Run it unless it is known; what was measured is kept before anything else happens."""
        if part not in self._parts:
            self._parts[part] = run()
            with self._file.open("a") as lines:
                lines.write(json.dumps({"part": part, "measured": self._parts[part]}) + "\n")
        return self._parts[part]
