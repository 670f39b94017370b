"""What a cluster's worker runs: it proves that it would find the same, and drains a round.

Dask knows it by its name, and passes the name of a round. The database and the folder of column files are
this machine's own settings, so that no secret travels.
"""

import logging
from typing import NamedTuple

from sqlalchemy import Engine

from quant_pipelines.core.errors import QuantError
from quant_pipelines.research.drain import QUEUE_SECONDS, UnitCount, WorkPlace, drain
from quant_pipelines.research.release import own_release
from quant_pipelines.settings import home_folder, load_settings
from quant_pipelines.store.engine import connected, require_reachable
from quant_pipelines.store.search_queue import Release, RoundTerms, read_terms

_SAME = {"product_version": "product", "kernel_digest": "kernel", "schema_revision": "schema"}


class Drained(NamedTuple):
    """How a worker's task ended.

    Parameters
    ----------
    n_done
        Units that it did.
    refused
        Why this worker can't take part; empty where it could.
    failed
        What went wrong on the way, and may go better again; empty where nothing did.
    """

    n_done: int = 0
    refused: str = ""
    failed: str = ""


def drain_round(round_id: str) -> tuple[int, str, str]:
    """Drain a round on this machine, as the fields of `Drained`; plain values cross versions."""
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)
    done = UnitCount()
    try:
        drained = _drained(round_id, done)
    except QuantError as error:
        drained = Drained(done.n_units, failed=str(error))
    return drained.n_done, drained.refused, drained.failed


def _drained(round_id: str, done: UnitCount) -> Drained:
    settings = load_settings()
    if not settings.database_url:
        return Drained(refused="QUANT_DATABASE_URL is not set there; expected the database of whoever asks")
    with connected(settings.database_url, pool_size=2, answer_seconds=QUEUE_SECONDS) as engine:
        require_reachable(engine)
        terms = _terms(engine, round_id)
        if isinstance(terms, Drained):
            return terms
        station = WorkPlace(settings.database_url, home_folder() / "columns")
        drain(engine, round_id, terms, station, done)
        return Drained(done.n_units)


def _terms(engine: Engine, round_id: str) -> RoundTerms | Drained:
    """Terms of a round, or why this worker can't work under them."""
    terms = read_terms(engine, round_id)
    if terms is None:
        shown = engine.url.render_as_string(hide_password=True)
        return Drained(
            refused=f"its database {shown} holds no round {round_id}; expected the asker's database"
        )
    difference = difference_of(own_release(), terms.release)
    return Drained(refused=difference) if difference else terms


def difference_of(own: Release, asked: Release) -> str:
    """Sentence on how a worker's release differs from the one that is asked for; empty where it does not."""
    mine, wanted = _parts(own), _parts(asked)
    differing = [
        f"{name} is {mine.get(name, 'missing')}, expected {wanted.get(name, 'none')}"
        for name in {**wanted, **mine}
        if mine.get(name) != wanted.get(name)
    ]
    return f"it has another release: {'; '.join(differing)}" if differing else ""


def _parts(release: Release) -> dict[str, str]:
    """Versions by name."""
    own = {word: getattr(release, name) for name, word in _SAME.items()}
    return own | dict(one.split(" ", 1) for one in release.libraries)
