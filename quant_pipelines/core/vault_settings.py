"""Frozen settings values of a Vault that holds the secrets: where it is, and what lets a process in."""

from dataclasses import dataclass
from typing import Any, ClassVar

from quant_pipelines.core.setting_fields import name_setting, setting


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """HashiCorp Vault, its key-value engine of version 2."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}
    address: str = name_setting("", "address of the Vault that holds the secrets; empty: none", "vault")
    mount: str = setting("secret", "where its key-value engine, version 2, is mounted")
    path: str = setting(
        "quant", "path of the secret; its keys are called as the variables that they stand for"
    )
    token_file: str = setting("", "file with a token that may read it, for its owner only")
    role_id: str = setting("", "AppRole that may read it, in place of a token")
    secret_id_file: str = setting("", "file with that AppRole's secret id, for its owner only")
    role_mount: str = setting("approle", "where AppRole is mounted")
    namespace: str = setting("", "namespace of an Enterprise or HCP Vault; empty: none")
    ca_file: str = setting("", "PEM file of the authority that signs its address; empty: the usual ones")
    timeout_seconds: float = setting(10.0, "seconds after which it is away", low=0.1, high=120)
