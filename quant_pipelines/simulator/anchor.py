"""The anchor: which wall-clock midnight is day 0 of the market; written once and kept with the home."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.timeframes import DAY_MS, floor_ms

DEFAULT_SEED = 7
HISTORY_DAYS = 120


@dataclass(frozen=True, slots=True)
class Anchor:
    """What fixes the market of one home.

    Parameters
    ----------
    anchor_ms
        UTC midnight that is day 0, milliseconds.
    seed
        Seed of every random stream.
    history_days
        Days of market before day 0.
    """

    anchor_ms: int
    seed: int
    history_days: int

    @property
    def first_ms(self) -> int:
        """Open time of the first bar of history."""
        return self.anchor_ms - self.history_days * DAY_MS


def keep_anchor(home: Path, *, seed: int | None, clock: Clock) -> Anchor:
    """Anchor of a home: the stored one, else a new one at the last UTC midnight, stored.

    Raises
    ------
    ConfigurationError
        If the home plays an archive, or a market of another seed, or the file is not an anchor.
    """
    document = read_anchor_document(home)
    if document is None:
        anchor = Anchor(floor_ms(clock(), DAY_MS), DEFAULT_SEED if seed is None else seed, HISTORY_DAYS)
        write_anchor_document(home, asdict(anchor))
        return anchor
    if document.get("market") == "archive":
        raise ConfigurationError(
            f"market is the synthetic one, but home {home} plays archive {document.get('archive')}; "
            "expected that archive (QUANT_ARCHIVE) or another home"
        )
    try:
        anchor = Anchor(**document)
    except TypeError as error:
        raise ConfigurationError(_malformed(home)) from error
    if seed is not None and seed != anchor.seed:
        raise ConfigurationError(
            f"seed is {seed}, but the market in {home / 'simulator'} was made with seed {anchor.seed}; "
            "expected the same seed or another home"
        )
    return anchor


def read_anchor_document(home: Path) -> dict[str, Any] | None:
    """Anchor file of a home; None before the first start.

    Raises
    ------
    ConfigurationError
        If the file is not a JSON object.
    """
    path = _path(home)
    if not path.exists():
        return None
    try:
        document = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(_malformed(home)) from error
    if not isinstance(document, dict):
        raise ConfigurationError(_malformed(home))
    return document


def write_anchor_document(home: Path, document: dict[str, Any]) -> None:
    """Write the anchor file of a home, whole or not at all."""
    path = _path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    draft.replace(path)


def _path(home: Path) -> Path:
    return home / "simulator" / "anchor.json"


def _malformed(home: Path) -> str:
    return (
        f"anchor file {_path(home)} is not an anchor; expected JSON with anchor_ms, seed and history_days, "
        "or that of an archive"
    )
