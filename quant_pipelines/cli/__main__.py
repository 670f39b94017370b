"""Entry point of ``quant``. Exit codes: 0 done, 1 refused or failed, 2 usage."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from quant_pipelines.cli.operator import add_field, add_signature, decide
from quant_pipelines.cli.parse import add_verb
from quant_pipelines.core.errors import QuantError
from quant_pipelines.operations.verb import Verb
from quant_pipelines.operations.verbs import VERBS


def build_parser() -> argparse.ArgumentParser:
    """Parser of the whole command line."""
    parser = argparse.ArgumentParser(prog="quant", description="Crypto strategies that run themselves.")
    heads = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        child = add_verb(heads, verb.name, verb.help)
        if verb.function:
            _declare_fields(child, verb)
        elif verb.kinds and not verb.kinds[0].function:
            actions = child.add_subparsers(dest="action", required=True, metavar="ACTION")
            for action in verb.kinds:
                grandchild = add_verb(actions, action.name, action.help, json_default=argparse.SUPPRESS)
                _declare_by_module(grandchild, f"{verb.name}_{action.name}")
        else:
            _declare_by_module(child, verb.name)
    return parser


def _declare_fields(parser: argparse.ArgumentParser, verb: Verb) -> None:
    for field in verb.fields:
        add_field(parser, field)
    add_signature(parser)

    def run(arguments: argparse.Namespace) -> int:
        given = {field.name: getattr(arguments, field.name) for field in verb.fields}
        return decide(verb, arguments, **given)

    parser.set_defaults(run=run)


def _declare_by_module(parser: argparse.ArgumentParser, module: str) -> None:
    """Let a module declare its arguments and run; it imports what is heavy only then."""
    command = importlib.import_module(f"quant_pipelines.cli.{module}")
    command.add_arguments(parser)
    parser.set_defaults(run=command.run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; logs go to stderr, an expected failure is one sentence there."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        parsed = build_parser().parse_args(arguments)
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
