"""The master key: from the environment, else from a file that only its owner may read.

While a rotation is under way a second file holds the next key: whatever moment a machine dies at, one of the
two opens every row.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from quant_pipelines.core.errors import SecretError

MASTER, NEXT_MASTER = "QUANT_MASTER_KEY", "QUANT_MASTER_KEY_NEXT"

_BYTES = 32
_FORM = "the 44 characters of 32 random bytes in URL-safe base64"


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """Keys that open what is sealed.

    Parameters
    ----------
    current
        Seals what is new; 32 bytes.
    others
        Keys of a rotation that has not ended.
    """

    current: bytes = field(repr=False)
    others: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def by_id(self) -> dict[bytes, bytes]:
        """Every key by its id."""
        return {id_of(key): key for key in (self.current, *self.others)}


def id_of(master: bytes) -> bytes:
    """Eight bytes that tell master keys apart."""
    return hashlib.sha256(b"id" + master).digest()[:8]


def master_file(home: Path) -> Path:
    """File of the master key in a home."""
    return home / "secrets" / "master.key"


def read_master_keys(home: Path, environment: Mapping[str, str], *, make: bool = False) -> MasterKeys:
    """Master keys of a home.

    Parameters
    ----------
    home
        Folder that holds all state.
    environment
        ``QUANT_MASTER_KEY`` replaces the file.
    make
        Whether a missing file is made.

    Raises
    ------
    SecretError
        If there is none, it is malformed, or others may read the file.
    """
    if environment.get(MASTER):
        following = environment.get(NEXT_MASTER)
        others = (_parsed(following, NEXT_MASTER),) if following else ()
        return MasterKeys(_parsed(environment[MASTER], MASTER), others)
    file = master_file(home)
    if make and not file.exists():
        _write_new(file)
    following_file = _next(file)
    others = (_read(following_file),) if following_file.exists() else ()
    return MasterKeys(_read(file), others)


def start_rotation(home: Path, environment: Mapping[str, str]) -> MasterKeys:
    """Master keys whose current one is the next: made now, or left by a rotation that did not end.

    Raises
    ------
    SecretError
        If the present key can't be read, or comes from the environment without the next one beside it.
    """
    present = read_master_keys(home, environment)
    if environment.get(MASTER):
        if not present.others:
            raise SecretError(
                f"the master key is in {MASTER}; expected the next one in {NEXT_MASTER}, to rotate to it"
            )
        return MasterKeys(present.others[0], (present.current,))
    file = _next(master_file(home))
    if not file.exists():
        _write_new(file)
    return MasterKeys(_read(file), (present.current,))


def finish_rotation(home: Path, environment: Mapping[str, str]) -> None:
    """Give the next key's file the name of the present one; keys of the environment are their owner's."""
    file = master_file(home)
    if not environment.get(MASTER):
        _next(file).replace(file)


def _next(file: Path) -> Path:
    return file.with_name("master.key.next")


def _write_new(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(base64.urlsafe_b64encode(os.urandom(_BYTES)) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(file)
    except OSError as error:
        raise SecretError(f"master key {str(file)!r} can't be written: {error.strerror}") from error


def _read(file: Path) -> bytes:
    try:
        mode = file.stat().st_mode & 0o777
        text = file.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise SecretError(
            f"no master key at {str(file)!r}; expected that file, or {MASTER} in the environment: "
            "'quant keys add' makes one"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SecretError(f"master key {str(file)!r} can't be read: {reason}") from error
    if mode & 0o077:
        raise SecretError(
            f"master key {str(file)!r} has mode {mode:04o}, others may read it; expected 0600: chmod 600 it"
        )
    return _parsed(text, str(file))


def _parsed(text: str, place: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise SecretError(f"the master key of {place} is malformed; expected {_FORM}")
    return key
