"""``quant up``: start everything on this machine and supervise it."""

import argparse
import sys
from typing import Any

from quant_pipelines.cli.operator import add_home, home_of
from quant_pipelines.cli.output import print_document
from quant_pipelines.cli.parse import within
from quant_pipelines.core.bounds import PORT

UI_PORT = 3000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--no-runner", action="store_true", help="start everything except the live runner")
    add_home(parser)
    parser.add_argument(
        "--port", type=within(PORT, "port"), default=UI_PORT, help="port of the UI (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C."""
    from quant_pipelines.core.secret_variables import VAULT_VARIABLES
    from quant_pipelines.settings import settings_with_secrets
    from quant_pipelines.stack.up import UpOptions, run_stack

    options = UpOptions(home=home_of(arguments), port=arguments.port, with_runner=not arguments.no_runner)
    as_json = arguments.json

    def announce(line: str) -> None:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)

    def on_ready(document: dict[str, Any]) -> None:
        if as_json:
            print_document(document)
        else:
            pages = f"{document['ui']} (Dagster) and {document['console']}"
            announce(f"everything runs: open {pages} (Ctrl-C stops it)")

    run_stack(options, settings_with_secrets(VAULT_VARIABLES), announce=announce, on_ready=on_ready)
    announce("everything is stopped")
    return 0
