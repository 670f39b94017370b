"""Secrets at rest: sealed under a master key that is in a private file or in the environment only."""

from quant_pipelines.secrets.box import ApiKeys, open_keys, open_seed, seal_keys, seal_seed
from quant_pipelines.secrets.copy import read_copy, write_copy
from quant_pipelines.secrets.master import (
    MasterKeys,
    finish_rotation,
    read_master_keys,
    start_rotation,
)

__all__ = [
    "ApiKeys",
    "MasterKeys",
    "finish_rotation",
    "open_keys",
    "open_seed",
    "read_copy",
    "read_master_keys",
    "seal_keys",
    "seal_seed",
    "start_rotation",
    "write_copy",
]
