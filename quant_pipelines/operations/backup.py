"""``quant db backup``: both databases in one file, each as of one moment, with what proves it whole.

The file is a ZIP: ``product.dump`` and ``dagster.dump`` in PostgreSQL's own compressed format, and
``manifest.json`` with revision, rows of every table and a SHA-256 of each dump. Everything is streamed.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy.engine import URL

from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import ConfigurationError, StoreError
from quant_pipelines.operations import postgres_tools
from quant_pipelines.store.database_url import dagster_url
from quant_pipelines.store.databases import count_rows, shared_snapshot
from quant_pipelines.store.engine import connected, parse_database_url
from quant_pipelines.store.revision import require_known_revision

FORMAT = 1
MANIFEST = "manifest.json"
DATABASES = ("product", "dagster")
CHUNK = 1 << 20


def urls_of(url: str) -> dict[str, URL]:
    """Address of each database of a stack: ours and Dagster's beside it."""
    return {"product": parse_database_url(url), "dagster": parse_database_url(dagster_url(url))}


def back_up(url: str, file: Path) -> dict[str, Any]:
    """Write both databases to a new file.

    Parameters
    ----------
    url
        Product database; Dagster's is found beside it.
    file
        Must not exist; it appears only when it is whole, readable by its owner only.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    ConfigurationError
        If the file exists or can't be written.
    StoreError
        If a database is away, newer than this code, or can't be read.
    """
    if file.exists():
        raise ConfigurationError(f"backup {str(file)!r} exists already; expected a new name")
    with _written_whole(file) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        manifest: dict[str, Any] = {"format": FORMAT, "made_at": utc_now().isoformat(), "databases": {}}
        for name, place in urls_of(url).items():
            manifest["databases"][name] = _dump_into(archive, name, place)
        archive.writestr(MANIFEST, json.dumps(manifest, indent=2))
    return manifest


def _dump_into(archive: zipfile.ZipFile, name: str, place: URL) -> dict[str, Any]:
    with (
        connected(place.render_as_string(hide_password=False)) as engine,
        shared_snapshot(engine) as (connection, snapshot),
    ):
        about: dict[str, Any] = {"tables": count_rows(connection)}
        if name == "product":
            about["revision"] = require_known_revision(connection)
        about["sha256"] = _stream_dump(archive, name, place, snapshot)
    return about


def _stream_dump(archive: zipfile.ZipFile, name: str, place: URL, snapshot: str) -> str:
    digest = hashlib.sha256()

    with archive.open(f"{name}.dump", "w", force_zip64=True) as member:

        def read(stream: IO[bytes]) -> None:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                member.write(chunk)

        postgres_tools.dump(place, snapshot, read)
    return digest.hexdigest()


@contextmanager
def _written_whole(file: Path) -> Iterator[IO[bytes]]:
    """Stream to a file that gets its name when all is on the disk; half of one never stays."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(file)
    except OSError as error:
        raise ConfigurationError(
            f"backup {str(file)!r} can't be written: {error.strerror or error}"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def read_manifest(file: Path) -> dict[str, Any]:
    """Manifest of a backup whose dumps are proven to be those that were written.

    Raises
    ------
    StoreError
        If the file is missing, cut, changed, or not a backup.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = json.loads(archive.read(MANIFEST))
            if manifest.get("format") != FORMAT:
                raise StoreError(
                    f"backup {str(file)!r} has format {manifest.get('format')!r}; expected {FORMAT}"
                )
            for name in DATABASES:
                if _digest(archive, name) != manifest["databases"][name]["sha256"]:
                    raise StoreError(f"backup {str(file)!r} is damaged: {name}.dump is not what was written")
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, EOFError, AttributeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StoreError(f"backup {str(file)!r} is damaged or is no backup: {reason}") from error
    return dict(manifest)


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(f"{name}.dump") as member:
        while chunk := member.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
