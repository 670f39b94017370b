"""Entry point of ``quant``. Exit codes: 0 done, 1 refused or failed, 2 usage."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from quant_pipelines.core.errors import QuantError

# verb -> (module, help); a module declares its arguments and runs, and imports what is heavy only then.
_VERBS = {
    "up": ("up", "start everything on this machine and supervise it"),
    "status": ("status", "what runs, what is deployed, what it earned"),
    "doctor": ("doctor", "check this machine and this home, with a mend for each fault"),
    "backtest": ("backtest", "one backtest"),
    "optimize": ("optimize", "a walk-forward and its verdict"),
    "strategy": ("strategy", "list, begin, check and test strategies"),
    "data": ("data", "what market data are stored, and what is wrong with them"),
    "approve": ("approve", "admit a candidate to paper money, or a hot coin to the whitelist"),
    "reject": ("reject", "turn down a candidate"),
    "promote": ("promote", "take a deployment one stage up"),
    "rollback": ("rollback", "take a shadow, canary or live deployment out again"),
    "disable": ("disable", "stop a deployment"),
    "limit": ("limit", "set a risk limit"),
    "runner": ("runner", "show, halt or resume the live runner"),
    "explain": ("explain", "the decision chain of an order, or why there was none"),
    "audit": ("audit", "prove that the audit log is whole, or write it down"),
    "settings": ("settings", "every setting in force"),
    "keys": ("keys", "API keys of accounts, sealed in the database"),
    "db": ("db", "the stack's database: its schema, backups"),
}


def build_parser() -> argparse.ArgumentParser:
    """Parser of the whole command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    parser = argparse.ArgumentParser(prog="quant", description="Crypto strategies that run themselves.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, (module, text) in _VERBS.items():
        child = verbs.add_parser(verb, help=text, description=f"{text.capitalize()}.", parents=[common])
        command = importlib.import_module(f"quant_pipelines.cli.{module}")
        command.add_arguments(child)
        child.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; logs go to stderr, an expected failure is one sentence there."""
    parsed = build_parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        return int(parsed.run(parsed))
    except QuantError as error:
        print(f"quant: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away; the rest of the answer has no place to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
