"""``quant data``: what market data are stored, what is wrong with them, and the mending of it."""

import argparse
import importlib

# action -> (module, help); a module declares its arguments and runs, and imports what is heavy only then.
_ACTIONS = {
    "check": ("data_check", "look for faults in what is stored, in an archive or in a file"),
    "repair": ("data_repair", "ask the exchange again about what the checks found"),
    "import": ("data_import", "bring Parquet and CSV files into the store"),
    "coverage": ("data_coverage", "what is stored, and what is missing"),
    "costs": ("data_costs", "what own fills say that trading costs"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, (module, text) in _ACTIONS.items():
        child = actions.add_parser(action, help=text, description=f"{text.capitalize()}.")
        # The flag may stand before or after the action; without it the value from before stays.
        child.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON document on stdout"
        )
        command = importlib.import_module(f"quant_pipelines.cli.{module}")
        command.add_arguments(child)
        child.set_defaults(run_action=command.run)


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says."""
    return int(arguments.run_action(arguments))
