"""The one constant that maps recorded time to wall time; chosen at the first start and kept with the home."""

from dataclasses import asdict, dataclass
from pathlib import Path

from quant_pipelines.core.clock import Clock
from quant_pipelines.core.errors import ConfigurationError, DataError
from quant_pipelines.core.series import Window
from quant_pipelines.core.timeframes import DAY_MS, from_ms
from quant_pipelines.simulator.anchor import DEFAULT_SEED, read_anchor_document, write_anchor_document
from quant_pipelines.simulator.recorded.recording import Recording

WEEK_MS = 7 * DAY_MS
WANTED_HISTORY_MS = 91 * DAY_MS
WANTED_FUTURE_MS = 28 * DAY_MS
LEAST_FUTURE_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class RecordedAnchor:
    """What fixes the market of one home.

    Parameters
    ----------
    shift_ms
        Wall time less recorded time; a multiple of 7 days, so that weekday and time of day stay the same.
    seed
        Seed of everything that is drawn around the recorded bars.
    digest
        Names the archive.
    """

    shift_ms: int
    seed: int
    digest: str


def choose_shift(span: Window, now_ms: int) -> int:
    """Shift that puts now inside the span of 1-minute bars.

    Of the moments a whole number of weeks before now, the latest is taken that has 91 days of 1-minute
    history before it and four weeks of recorded future after; if there is none, the latest with a day of
    future; if there is none, the latest.

    Parameters
    ----------
    span
        Of the 1-minute bars that all symbols share.
    now_ms
        Wall time.

    Raises
    ------
    DataError
        If no such moment lies in the span.
    """
    first, end = span
    latest = now_ms - -(-(now_ms - end + 1) // WEEK_MS) * WEEK_MS
    moments = range(latest, first, -WEEK_MS)
    for history, future in ((WANTED_HISTORY_MS, WANTED_FUTURE_MS), (0, LEAST_FUTURE_MS), (0, 0)):
        for moment in moments:
            if moment - first >= history and end - moment >= future:
                return now_ms - moment
    raise DataError(
        f"1m bars that all symbols share reach from {from_ms(first):%Y-%m-%d %H:%M} to "
        f"{from_ms(end):%Y-%m-%d %H:%M}; expected 7 days at least, so that now lies inside at any hour"
    )


def keep_recorded_anchor(
    home: Path, recording: Recording, *, seed: int | None, clock: Clock
) -> RecordedAnchor:
    """Anchor of a home: the stored one, else a new one, stored.

    Raises
    ------
    ConfigurationError
        If the home's market is another one: synthetic, of another archive, or with another seed.
    DataError
        If now can't lie in the span of 1-minute bars.
    """
    document = read_anchor_document(home)
    if document is None:
        shift = choose_shift(recording.minute_span(), clock())
        anchor = RecordedAnchor(shift, DEFAULT_SEED if seed is None else seed, recording.digest)
        about = {"market": "archive", "archive": str(recording.folder.absolute())}
        write_anchor_document(home, about | asdict(anchor))
        return anchor
    if document.get("market") != "archive":
        raise ConfigurationError(
            f"market is archive {recording.folder}, but home {home} plays the synthetic one; "
            "expected no archive (QUANT_ARCHIVE) or another home"
        )
    try:
        anchor = RecordedAnchor(int(document["shift_ms"]), int(document["seed"]), str(document["digest"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"anchor of home {home} is not an anchor; expected shift_ms, seed and digest of an archive"
        ) from error
    _check(anchor, document.get("archive"), home=home, recording=recording, seed=seed)
    return anchor


def _check(
    anchor: RecordedAnchor, folder: object, *, home: Path, recording: Recording, seed: int | None
) -> None:
    if anchor.digest != recording.digest:
        raise ConfigurationError(
            f"archive is {recording.folder}, but home {home} plays the files of {folder} as they were at its "
            "first start; expected those or another home"
        )
    if seed is not None and seed != anchor.seed:
        raise ConfigurationError(
            f"seed is {seed}, but the market of home {home} was made with seed {anchor.seed}; "
            "expected the same seed or another home"
        )
