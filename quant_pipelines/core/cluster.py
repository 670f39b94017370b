"""Addresses of clusters."""

import re

from quant_pipelines.core.errors import ConfigurationError

_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*):(\d{1,5})")


def require_cluster(address: str) -> str:
    """Address of a Dask scheduler.

    Raises
    ------
    ConfigurationError
        If it names no host and port that one can be reached at.

    Examples
    --------
    >>> from quant_pipelines.core.cluster import require_cluster
    >>> require_cluster("tcp://scheduler:8786")
    'tcp://scheduler:8786'
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[3]) < 65536:
        raise ConfigurationError(
            f"cluster is {address!r}; expected the address of a Dask scheduler, such as tcp://10.0.0.5:8786"
        )
    return address
