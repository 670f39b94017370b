"""``pg_dump`` and ``pg_restore`` as streams: nothing is held in memory, no password on a command line."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from typing import IO

from sqlalchemy.engine import URL

from quant_pipelines.core.errors import StoreError
from quant_pipelines.stack.postgres_place import find_binaries

Feed = Callable[[IO[bytes]], None]
"""Writes all it has to a stream, or reads the stream to its end."""


def dump(url: URL, snapshot: str, read: Feed) -> None:
    """Dump one database in PostgreSQL's compressed format, as of an exported snapshot.

    Raises
    ------
    StoreError
        If the program fails; its own words are quoted.
    """
    arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    _run("pg_dump", arguments, url, read=read)


def restore(url: URL, write: Feed) -> None:
    """Fill an empty database from a dump, in one transaction.

    Raises
    ------
    StoreError
        If the program fails; its own words are quoted.
    """
    arguments = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run("pg_restore", [*arguments, f"--dbname={url.database}"], url, write=write)


def _run(
    program: str, arguments: list[str], url: URL, *, read: Feed | None = None, write: Feed | None = None
) -> None:
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [str(find_binaries() / program), *arguments],
            env=_environment(url),
            stdin=subprocess.PIPE if write else subprocess.DEVNULL,
            stdout=subprocess.PIPE if read else subprocess.DEVNULL,
            stderr=complaints,
        )
        try:
            if read and process.stdout:
                read(process.stdout)
            if write and process.stdin:
                _feed(process.stdin, write)
        except BaseException:
            process.kill()
            raise
        finally:
            for stream in (process.stdin, process.stdout):
                if stream:
                    _close(stream)
            code = process.wait()
        if code != 0:
            complaints.seek(0)
            words = " ".join(complaints.read().decode(errors="replace").split()) or f"exit code {code}"
            shown = url.render_as_string(hide_password=True)
            raise StoreError(f"{program} of {shown} failed: {words[:500]}")


def _feed(stream: IO[bytes], write: Feed) -> None:
    try:
        write(stream)
    except BrokenPipeError:
        return  # the program ended before its input did; what it says stands in the error


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        return


def _environment(url: URL) -> dict[str, str]:
    given = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": str(url.password) if url.password else None,
        "PGDATABASE": url.database,
        "PGTZ": "UTC",
    }
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "PGSSLMODE", "PGSSLROOTCERT")
        if name in os.environ
    }
    return kept | {name: value for name, value in given.items() if value}
