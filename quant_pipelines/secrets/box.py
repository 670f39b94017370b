"""Seals an account's API keys, and the seed of a user's one-time codes, with AES-256-GCM.

A sealed value is: version (1 byte), id of its master key (8), nonce (12), ciphertext with its tag. It is
bound to its owner: moved to another row it does not open.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from quant_pipelines.core.errors import SecretError
from quant_pipelines.secrets.master import MasterKeys, id_of

_VERSION = b"\x01"
_ID_END, _NONCE_END = 9, 21
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """API key and secret of one account; neither shows in a representation.

    Parameters
    ----------
    key, secret
        As the exchange gave them.

    Raises
    ------
    SecretError
        If one of them is empty, too long, or has blanks or characters that no key has.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("key", "secret"):
            value = getattr(self, name)
            is_plain = value.isascii() and value.isprintable() and " " not in value
            if not (0 < len(value) <= _LONGEST and is_plain):
                raise SecretError(
                    f"the API {name} has {len(value)} characters; expected 1 to {_LONGEST} without blanks"
                )

    @property
    def fingerprint(self) -> str:
        """Twelve hex digits that tell keys apart and lead back to none."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:12]


class _Kind(NamedTuple):
    """What is sealed, as sentences call it."""

    what: str
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.what} of {self.owner} {self.name!r}"


def seal_keys(masters: MasterKeys, account: str, keys: ApiKeys) -> bytes:
    """Seal the keys of an account under the current master key."""
    return _sealed(masters, account, json.dumps({"key": keys.key, "secret": keys.secret}))


def open_keys(masters: MasterKeys, account: str, sealed: bytes) -> ApiKeys:
    """Open the sealed keys of an account.

    Raises
    ------
    SecretError
        If the master key is another one, or the value was changed or belongs to another account.
    """
    return ApiKeys(**json.loads(_opened(masters, account, sealed, _Kind("keys", "account", account))))


def seal_seed(masters: MasterKeys, user: str, seed: str) -> bytes:
    """Seal the seed of a user's one-time codes under the current master key."""
    return _sealed(masters, f"user {user}", seed)


def open_seed(masters: MasterKeys, user: str, sealed: bytes) -> str:
    """Open the sealed seed of a user.

    Raises
    ------
    SecretError
        If the master key is another one, or the value was changed or belongs to another user.
    """
    return _opened(masters, f"user {user}", sealed, _Kind("codes", "user", user))


def _sealed(masters: MasterKeys, owner: str, plain: str) -> bytes:
    nonce = os.urandom(_NONCE_END - _ID_END)
    sealed = AESGCM(masters.current).encrypt(nonce, plain.encode(), owner.encode())
    return _VERSION + id_of(masters.current) + nonce + sealed


def _opened(masters: MasterKeys, owner: str, sealed: bytes, kind: _Kind) -> str:
    master = masters.by_id.get(sealed[1:_ID_END])
    if sealed[:1] != _VERSION or master is None:
        raise SecretError(
            f"the {kind} are sealed under master key {sealed[1:_ID_END].hex()}; "
            f"expected {id_of(masters.current).hex()}, which is the one here"
        )
    nonce, secret = sealed[_ID_END:_NONCE_END], sealed[_NONCE_END:]
    try:
        return AESGCM(master).decrypt(nonce, secret, owner.encode()).decode()
    except InvalidTag as error:
        raise SecretError(
            f"the sealed {kind} were changed, or belong to another {kind.owner}; add the {kind.what} again"
        ) from error
