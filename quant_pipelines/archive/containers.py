"""Opens what a file is packed in: zip of one file, gzip, or nothing; and its checksum."""

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from quant_pipelines.core.errors import DataError

UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What opening and reading a damaged file raises."""

_PACKED = (".zip", ".gz")


def is_packed(path: Path) -> bool:
    """Whether a file's name says that it is packed."""
    return path.name.lower().endswith(_PACKED)


def content_name(path: Path) -> str:
    """Name of the file inside a zip, of a gzip without its ending, else the file's own.

    Raises
    ------
    DataError
        If a zip is damaged, or holds any other number of files than one.
    """
    name = path.name
    if name.lower().endswith(".zip"):
        return _only_member(path)
    return name[:-3] if name.lower().endswith(".gz") else name


@contextmanager
def opened_content(path: Path) -> Iterator[BufferedIOBase]:
    """Content of a file as a stream of bytes, unpacked.

    Raises
    ------
    DataError
        If a zip is damaged, or holds any other number of files than one.
    """
    if path.name.lower().endswith(".zip"):
        name = _only_member(path)
        with zipfile.ZipFile(path) as folder, cast(BufferedIOBase, folder.open(name)) as stream:
            yield stream
    elif is_packed(path):
        with gzip.open(path) as stream:
            yield stream
    else:
        with path.open("rb") as stream:
            yield stream


def verified_checksum(path: Path) -> str:
    """SHA-256 of a file, compared with that in ``<file>.CHECKSUM`` beside it where there is one.

    Raises
    ------
    DataError
        If the two differ, or the file beside it has no SHA-256 in it.
    """
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    beside = path.with_name(f"{path.name}.CHECKSUM")
    if beside.is_file():
        stated = (beside.read_text(errors="replace").split() or [""])[0].lower()
        if stated != found:
            raise DataError(
                f"archive file {path}: its SHA-256 is {found}; expected {stated or 'one'} as in {beside.name}"
            )
    return found


def _only_member(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as folder:
            names = [member.filename for member in folder.infolist() if not member.is_dir()]
    except UNREADABLE as error:
        reason = str(error).rstrip(".")
        raise DataError(f"archive file {path} can't be read as zip: {reason}") from error
    if len(names) != 1:
        shown = f": {', '.join(names[:3])}" if names else ""
        raise DataError(f"archive file {path} holds {len(names)} files{shown}; expected one")
    return names[0]
