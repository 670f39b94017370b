"""The sealed keys beside the database: what closes an account while the database is away reads them here."""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from pathlib import Path

from quant_pipelines.core.errors import SecretError


def copy_file(home: Path) -> Path:
    """File of the copy in a home."""
    return home / "secrets" / "accounts.json"


def write_copy(home: Path, sealed: Mapping[str, bytes]) -> None:
    """Replace the copy at once; only its owner may read it.

    Raises
    ------
    SecretError
        If it can't be written.
    """
    file = copy_file(home)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_suffix(f".{os.getpid()}")
    document = {account: base64.b64encode(value).decode() for account, value in sealed.items()}
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
            opened.write(json.dumps(document))
            opened.flush()
            os.fsync(opened.fileno())
        partial.replace(file)
    except OSError as error:
        raise SecretError(
            f"copy of the sealed keys {str(file)!r} can't be written: {error.strerror}"
        ) from error


def read_copy(home: Path) -> dict[str, bytes]:
    """Sealed keys by account; empty without a copy.

    Raises
    ------
    SecretError
        If the copy can't be read.
    """
    file = copy_file(home)
    try:
        document = json.loads(file.read_text())
        return {account: base64.b64decode(value, validate=True) for account, value in document.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise SecretError(
            f"{file} can't be read ({type(error).__name__}); expected the sealed keys that 'quant keys add' "
            "writes, or QUANT_API_KEY and QUANT_API_SECRET in the environment"
        ) from error
