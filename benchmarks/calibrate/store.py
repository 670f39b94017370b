"""What was measured, one JSON line a part of a row; parts of the same code are not measured again."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DECISION = ("quant_pipelines/optimize/decision",)
"""What a flat family of candidates rests on beside the worlds."""


def code_digest(sources: Sequence[str]) -> str:
    """Names the code that decides and makes worlds, not the code that shows what came of it.

    Parameters
    ----------
    sources
        Files, and folders with all that is in them, from the repository's root.
    """
    digest = hashlib.sha256()
    for source in sources:
        place = ROOT / source
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.relative_to(ROOT).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class MeasuredParts:
    """Parts of one section by name, kept in a file of the digest of what they rest on."""

    def __init__(self, folder: Path, section: str, sources: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.code = code_digest(sources)
        self._file = folder / f"{section}-{self.code}.jsonl"
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

    def worlds_of(self, section: str, row: Any) -> dict[int, Any]:
        """Measured worlds of a row by seed, in order; one that two runs have measured is there once."""
        key, worlds = json.loads(json.dumps(row)), dict[int, Any]()
        for name, measured in self._parts.items():
            what, of, *seeds = json.loads(name)
            if what == section and of == key:
                worlds |= zip(range(*seeds), measured, strict=True)
        return dict(sorted(worlds.items()))
