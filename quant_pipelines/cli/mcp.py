"""``quant mcp``: let an assistant read this stack and run backtests, over standard input and output."""

import argparse


def run(arguments: argparse.Namespace) -> int:
    """Serve until the assistant hangs up."""
    import asyncio
    import os
    from importlib.metadata import version
    from importlib.util import find_spec

    from quant_pipelines.cli.operator import home_of
    from quant_pipelines.core.errors import ConfigurationError
    from quant_pipelines.core.secret_variables import TOKEN_VARIABLE
    from quant_pipelines.stack.home import Home
    from quant_pipelines.stack.ports import read_ports

    if find_spec("mcp") is None:
        raise ConfigurationError(
            "the extra 'mcp' is not installed; expected: pip install 'quant-pipelines[mcp]'"
        )
    from quant_pipelines.assistants.gateway_reader import GatewayReader
    from quant_pipelines.assistants.server import SCOPES, serve

    home = home_of(arguments)
    ports = read_ports(Home(home).ports_file)
    address = arguments.gateway or (f"http://127.0.0.1:{ports.gateway}" if ports and ports.gateway else "")
    if not address:
        raise ConfigurationError(
            f"home {str(home)!r} has no gateway yet; start 'quant up', or name one: --gateway"
        )
    asked = frozenset(arguments.scopes.split(","))
    if unknown := asked - frozenset(SCOPES):
        raise ConfigurationError(f"scope {min(unknown)!r} is unknown; expected {' or '.join(SCOPES)}")
    scopes = frozenset(scope for scope in SCOPES if scope in asked)
    reader = GatewayReader(address, os.environ.get(TOKEN_VARIABLE, ""))
    asyncio.run(serve(reader, home, scopes, version("quant-pipelines")))
    return 0
