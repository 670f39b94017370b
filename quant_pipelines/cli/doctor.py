"""``quant doctor``: check this machine and this home, with a mend for each fault."""

import argparse
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from quant_pipelines.cli.operator import add_home, home_of
from quant_pipelines.cli.output import print_document
from quant_pipelines.cli.parse import within
from quant_pipelines.cli.up import UI_PORT
from quant_pipelines.core.bounds import PORT

if TYPE_CHECKING:
    from quant_pipelines.core.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_home(parser)
    parser.add_argument(
        "--port", type=within(PORT, "port"), default=UI_PORT, help="port of the UI (default: %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one line for each check; exit code 1 if any failed."""
    from quant_pipelines.operations.doctor import examine
    from quant_pipelines.stack.home import Home

    findings = examine(Home(home_of(arguments)), _settings(), arguments.port)
    failed = [finding.name for finding in findings if not finding.passed]
    if arguments.json:
        print_document({"passed": not failed, "checks": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mend = f" -> {finding.mend}" if finding.mend else ""
            print(f"  {'pass' if finding.passed else 'FAIL'}  {finding.name:<11} {finding.detail}{mend}")
    if failed:
        print(f"quant: {len(failed)} of {len(findings)} checks failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _settings() -> "Settings":
    """Read the settings, those that a Vault holds included; what is wrong with it is a check of its own."""
    from quant_pipelines.core.errors import QuantError
    from quant_pipelines.core.secret_variables import BOT_VARIABLE, CHANNELS_VARIABLE
    from quant_pipelines.settings import load_settings, settings_with_secrets

    try:
        return settings_with_secrets({BOT_VARIABLE, CHANNELS_VARIABLE})
    except QuantError:
        return load_settings()
