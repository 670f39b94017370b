"""API keys as they are given: by the environment, typed unseen, or on stdin; never as arguments."""

import getpass
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quant_pipelines.secrets import ApiKeys


def given_keys(*, from_environment: bool) -> "ApiKeys":
    """Key and secret of the environment, or those that are typed or piped now.

    Raises
    ------
    SecretError
        If one is missing or malformed.
    """
    from quant_pipelines.core.errors import SecretError
    from quant_pipelines.secrets import ApiKeys

    if from_environment:
        return ApiKeys(os.environ.get("QUANT_API_KEY", ""), os.environ.get("QUANT_API_SECRET", ""))
    if sys.stdin.isatty():
        return ApiKeys(getpass.getpass("API key: ").strip(), getpass.getpass("API secret: ").strip())
    lines = sys.stdin.read().split("\n")
    given = [line.strip() for line in lines if line.strip()]
    if len(given) != 2:
        raise SecretError(f"{len(given)} lines are on stdin; expected two: the API key, then its secret")
    return ApiKeys(*given)
