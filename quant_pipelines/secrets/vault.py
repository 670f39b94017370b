"""Reads secrets from HashiCorp Vault, once, when a process starts; while it runs nothing is asked again."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from quant_pipelines.core.errors import ConfigurationError, SecretError, unknown_name
from quant_pipelines.core.secret_variables import VAULT_VARIABLES
from quant_pipelines.core.vault_settings import VaultSettings

if TYPE_CHECKING:
    import hvac

_PREFIX: Final = "QUANT_"
_OTHERS: Final = 0o077


def read_vault(place: VaultSettings, names: Collection[str]) -> dict[str, str]:
    """Secrets by the name of the variable that each stands for.

    Parameters
    ----------
    place
        Where the Vault is, and what lets this process in.
    names
        Those that are wanted; what the Vault does not have is left out.

    Raises
    ------
    ConfigurationError
        If the extra is missing, or the settings name no way in.
    SecretError
        If a file can't be read or others may read it, or the Vault is away, refuses, or has something else;
        the sentence names the setting, and no secret.
    """
    if find_spec("hvac") is None:
        raise ConfigurationError(
            "vault.address is set and the extra 'vault' is not installed; "
            "expected: pip install 'quant-pipelines[vault]'"
        )
    with _told(place):
        found = _read(place)
    for name, value in found.items():
        if name.startswith(_PREFIX) and name not in VAULT_VARIABLES:
            raise SecretError(f"{_secret(place)}: {unknown_name('key', name, sorted(VAULT_VARIABLES))}")
        if name in names and not (isinstance(value, str) and value.strip()):
            raise SecretError(f"{_secret(place)}: {name} is no text; expected one that is not empty")
    return {name: found[name].strip() for name in names if name in found}


def _read(place: VaultSettings) -> dict[str, Any]:
    import hvac  # noqa: PLC0415 - an extra

    client = hvac.Client(
        url=place.address,
        token="",  # else it looks for one in the environment and in the home of whoever runs this
        verify=place.ca_file or True,
        timeout=place.timeout_seconds,
        namespace=place.namespace or None,
        allow_redirects=False,
    )
    is_ours = not place.token_file
    client.token = _role_token(client, place) if is_ours else _private_text(place.token_file, "token_file")
    try:
        answer = client.secrets.kv.v2.read_secret_version(
            path=place.path, mount_point=place.mount, raise_on_deleted_version=True
        )
    finally:
        if is_ours:
            # It ends by itself as well, and a role need not be allowed to end it sooner.
            with suppress(hvac.exceptions.VaultError, OSError):
                client.auth.token.revoke_self()
    return _data(answer, place)


def _role_token(client: "hvac.Client", place: VaultSettings) -> str:
    if not (place.role_id and place.secret_id_file):
        raise ConfigurationError(
            "vault.address is set without a way in; expected vault.token_file, or vault.role_id and "
            "vault.secret_id_file"
        )
    secret_id = _private_text(place.secret_id_file, "secret_id_file")
    answer = client.auth.approle.login(
        role_id=place.role_id, secret_id=secret_id, use_token=False, mount_point=place.role_mount
    )
    token = answer.get("auth", {}).get("client_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise SecretError(f"the Vault at {place.address} gave vault.role_id no token; expected one")
    return token


def _data(answer: Any, place: VaultSettings) -> dict[str, Any]:
    # What is no JSON is handed on by hvac as the response that it came in.
    if getattr(answer, "is_redirect", False):
        raise SecretError(
            f"the Vault at {place.address} answers with a redirect; expected its active node in vault.address"
        )
    outer = answer.get("data") if isinstance(answer, dict) else None
    found = outer.get("data") if isinstance(outer, dict) else None
    if not isinstance(found, dict):
        raise SecretError(
            f"{_secret(place)} is no secret of a key-value engine, version 2; see vault.mount and vault.path"
        )
    return found


def _private_text(file: str, setting: str) -> str:
    path = Path(file).expanduser()
    try:
        mode, text = path.stat().st_mode & 0o777, path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SecretError(f"vault.{setting} {file!r} can't be read: {reason}") from error
    if mode & _OTHERS:
        raise SecretError(
            f"vault.{setting} {file!r} has mode {mode:04o}, others may read it; expected 0600: chmod 600 it"
        )
    if not text or any(one.isspace() for one in text):
        raise SecretError(f"vault.{setting} {file!r} holds no single word; expected one")
    return text


@contextmanager
def _told(place: VaultSettings) -> Iterator[None]:
    """Say in one sentence what went wrong, and which setting it is about."""
    import hvac  # noqa: PLC0415 - an extra

    kinds = hvac.exceptions
    entry = "vault.token_file" if place.token_file else "vault.role_id and vault.secret_id_file"
    try:
        yield
    except kinds.InvalidPath as error:
        said = f"there is nothing at {_secret(place)}, or it was deleted; see vault.mount and vault.path"
        raise SecretError(said) from error
    except (kinds.Forbidden, kinds.Unauthorized) as error:
        said = f"the Vault at {place.address} refuses {_secret(place)}; see {entry}, and the policy behind it"
        raise SecretError(said) from error
    except kinds.InvalidRequest as error:
        raise SecretError(
            f"the Vault at {place.address} did not take what it was given; see {entry}"
        ) from error
    except kinds.VaultDown as error:
        raise SecretError(f"the Vault at {place.address} is sealed; expected one that is unsealed") from error
    except (kinds.VaultError, OSError, ValueError) as error:
        # requests' errors are OSErrors; what they say holds the address, and nothing that was sent.
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise SecretError(f"the Vault at {place.address} (vault.address) does not answer: {said}") from error


def _secret(place: VaultSettings) -> str:
    return f"{place.mount}/{place.path}"
