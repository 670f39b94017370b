"""Reads the settings once, for a composition root: packaged defaults → quant.toml → environment → flags.

The environment speaks ``QUANT_<NAME>``, nested by ``__``: ``QUANT_EXCHANGE__BASE_URL``. Lists are separated
by commas. ``EXCHANGE`` alone names the exchange whose public data are used. Only roots call this.
"""

import dataclasses
import os
import tomllib
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from quant_pipelines.core.bounds import Bounds
from quant_pipelines.core.callers import require_host, require_network, require_origin
from quant_pipelines.core.chatters import chatters_of, require_api_address, require_chatter
from quant_pipelines.core.cluster import require_cluster
from quant_pipelines.core.entry_settings import entry_fault
from quant_pipelines.core.errors import ConfigurationError, unknown_name
from quant_pipelines.core.exchanges import require_exchange
from quant_pipelines.core.instrument_sets import set_name, symbols_of
from quant_pipelines.core.removed_settings import REMOVED
from quant_pipelines.core.secret_variables import (
    BOT_VARIABLE,
    MASTER_VARIABLES,
    SECRET_VARIABLES,
    TOKEN_VARIABLE,
)
from quant_pipelines.core.setting_bounds import all_bounds, first_fault
from quant_pipelines.core.setting_fields import SECRET_KINDS
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.symbols import require_symbol
from quant_pipelines.notify.channels import channel_of, channels_of
from quant_pipelines.notify.message import require_template
from quant_pipelines.notify.quiet_hours import quiet_hours_of

PREFIX = "QUANT_"
SETTINGS_FILE = "quant.toml"
# Read by the roots and the tests themselves; not part of the tree.
_OTHER_VARIABLES = frozenset({"QUANT_HOME", "QUANT_ARCHIVE", TOKEN_VARIABLE, BOT_VARIABLE}) | SECRET_VARIABLES
_Tree = dict[str, Any]
# How a name in a setting is proven, given the exchange that is meant.
_NAMES: Mapping[str, Callable[[str, str], object]] = {
    "exchange": lambda name, _: require_exchange(name),
    "symbol": require_symbol,
    "instrument set": lambda name, exchange: set_name(symbols_of(name), exchange),
    "channel": lambda text, _: channel_of(text),
    "hours": lambda text, _: quiet_hours_of(text),
    "template": lambda text, _: require_template(text),
    "cluster": lambda address, _: require_cluster(address) if address else "",
    "host": lambda name, _: require_host(name),
    "origin": lambda text, _: require_origin(text),
    "network": lambda text, _: require_network(text),
    "chatter": lambda text, _: require_chatter(text),
    "api address": lambda text, _: require_api_address(text),
    "vault": lambda text, _: require_api_address(text) if text else "",
}


def home_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Folder that holds all state: ``QUANT_HOME``, else ``$XDG_DATA_HOME/quant-pipelines``."""
    variables = os.environ if environment is None else environment
    if variables.get("QUANT_HOME"):
        return Path(variables["QUANT_HOME"]).expanduser().absolute()
    data_home = variables.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data_home).expanduser().absolute() / "quant-pipelines"


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Settings:
    """Frozen settings of this process.

    Parameters
    ----------
    flags
        Values from the command line as a nested tree; they win over everything.
    environment
        Environment variables; None reads the process's own.
    file
        Settings file; None reads ``quant.toml`` of the working directory if there is one.

    Raises
    ------
    ConfigurationError
        If a name is unknown (the nearest one is suggested), or a value has the wrong type or lies outside of
        its range; the message names setting, value and what was expected.
    """
    variables = os.environ if environment is None else environment
    packaged = dataclasses.asdict(Settings())  # a group that is given in part keeps the rest of its defaults
    sources = (dict(flags or {}), _from_environment(variables), _from_file(file), packaged)
    try:
        tree = _model()(_quant_sources=sources)
    except ValidationError as error:
        raise ConfigurationError(_sentence(error)) from error
    settings = Settings(**{name: getattr(tree, name) for name in type(tree).model_fields})
    fault = first_fault(settings, "setting ") or entry_fault(settings.runner.entry, "setting runner.entry.")
    if fault:
        raise ConfigurationError(fault)
    _check_names(settings, settings.exchange.id)
    channels_of(settings.alerts.channels)
    chatters_of(settings.telegram.operators)
    return settings


def settings_with_secrets(names: Collection[str]) -> Settings:
    """Load the settings of this process, and put into its environment what a Vault holds of its secrets.

    What stands in the environment already wins. The Vault is asked once: a process whose Vault goes away
    later goes on with what it was given, and so do the processes that it starts again.

    Parameters
    ----------
    names
        Variables of the secrets that this process needs.

    Raises
    ------
    ConfigurationError, SecretError
        If a setting is malformed, or there is a Vault that does not give what it should.
    """
    settings = load_settings()
    wanted = {name for name in names if not os.environ.get(name)}
    if MASTER_VARIABLES & (set(names) - wanted):
        wanted -= MASTER_VARIABLES  # the keys of a rotation come from one place
    if not settings.vault.address or not wanted:
        return settings
    from quant_pipelines.secrets.vault import read_vault  # noqa: PLC0415 - for who has one

    os.environ.update(read_vault(settings.vault, wanted))
    return load_settings()  # channels are both: a secret, and a setting


def describe_settings(settings: Settings) -> list[dict[str, Any]]:
    """Describe every setting: ``name``, ``value``, ``default``, ``range`` and ``meaning``, in order.

    A password in a URL is replaced by stars; of a channel's URL only the scheme is shown.
    """
    return _describe(settings, Settings(), "")


class _Sources(BaseSettings):
    model_config = SettingsConfigDict(extra="forbid")

    def __init__(self, _quant_sources: tuple[_Tree, ...]) -> None:
        super().__init__(sources=_quant_sources)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the sources that the caller gave, strongest first; no hidden file or variable."""
        given = init_settings()["sources"]
        return tuple(InitSettingsSource(settings_cls, init_kwargs=source) for source in given)


@cache
def _model() -> type[BaseModel]:
    fields: dict[str, Any] = {
        field.name: (field.type, FieldInfo(default=field.default)) for field in dataclasses.fields(Settings)
    }
    return create_model("_Settings", __base__=_Sources, **fields)


def _from_environment(variables: Mapping[str, str]) -> _Tree:
    """Nested tree of the variables with our prefix; ``EXCHANGE`` is the short name of ``exchange.id``."""
    lists = {name for name in all_bounds() if isinstance(_default(name), tuple)}
    tree: _Tree = {"exchange": {"id": variables["EXCHANGE"]}} if variables.get("EXCHANGE") else {}
    for variable in sorted(variables):
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES:
            continue
        path = variable.removeprefix(PREFIX).lower().split("__")
        branch = tree
        for name in path[:-1]:
            branch = branch.setdefault(name, {})
            if not isinstance(branch, dict):
                raise ConfigurationError(
                    f"environment variable {variable} goes below {name!r}, which has a value"
                )
        value: Any = variables[variable]
        if ".".join(path) in lists:
            value = [item.strip() for item in value.split(",") if item.strip()]
        branch[path[-1]] = value
    return tree


def _from_file(file: Path | None) -> _Tree:
    path = Path(SETTINGS_FILE) if file is None else file
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        if file is None:
            return {}
        raise ConfigurationError(f"settings file {str(file)!r} does not exist") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"settings file {str(path)!r} can't be read: {error}") from error


def _default(name: str) -> Any:
    value: Any = Settings()
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        if name in REMOVED:
            return f"setting {name} is gone, expected without it: {REMOVED[name]}"
        return unknown_name("setting", name, all_bounds())
    expected = first["msg"].removeprefix("Input should be ")
    if _is_secret(first["loc"]):
        return f"setting {name} has another form; expected: {expected}"
    return f"setting {name} is {first['input']!r}; expected: {expected}"


def _is_secret(path: tuple[int | str, ...]) -> bool:
    tree: Any = Settings()
    for part in path:
        found = {field.name: field for field in dataclasses.fields(tree)}.get(str(part))
        if found is None or found.metadata.get("of") in SECRET_KINDS:
            return found is not None
        tree = getattr(tree, found.name)
        if not dataclasses.is_dataclass(tree):
            return False
    return any(field.metadata.get("of") in SECRET_KINDS for field in dataclasses.fields(tree))


def _check_names(tree: Any, exchange: str, prefix: str = "") -> None:
    for field in dataclasses.fields(tree):
        value, name = getattr(tree, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            _check_names(value, exchange, f"{name}.")
            continue
        if not field.metadata["of"]:
            continue
        for text in value if isinstance(value, tuple) else (value,):
            try:
                _NAMES[field.metadata["of"]](text, exchange)
            except ConfigurationError as error:
                raise ConfigurationError(f"setting {name}: {error}") from error


def _describe(tree: Any, defaults: Any, prefix: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for field in dataclasses.fields(tree):
        value, default = getattr(tree, field.name), getattr(defaults, field.name)
        if dataclasses.is_dataclass(value):
            rows += _describe(value, default, f"{prefix}{field.name}.")
            continue
        is_secret = field.metadata["of"] in SECRET_KINDS
        shown = [channel_of(text).shown for text in value] if is_secret else _without_password(value)
        row = {"name": f"{prefix}{field.name}", "value": shown, "default": default}
        rows.append(
            row | {"range": _accepted(field.metadata["bounds"]), "meaning": field.metadata["description"]}
        )
    return rows


def _accepted(bounds: Bounds) -> str:
    return ", ".join(bounds.choices) or bounds.range_text


def _without_password(value: Any) -> Any:
    """Replace the password of a URL such as ``postgresql://user:password@host``."""
    if not isinstance(value, str) or "://" not in value:
        return value
    scheme, _, rest = value.partition("://")
    account, at, place = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    return f"{scheme}://{user}:***@{place}" if at and colon else value
