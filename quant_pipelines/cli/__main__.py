"""Entry point of ``quant``.

Exit codes: 0 done, 1 refused or failed, 2 something is missing or can't be read, 3 (a direct kill) not known.
"""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Mapping, Sequence

from quant_pipelines.cli.operator import add_asker, add_field, decide, fields_left_unread, require_reason
from quant_pipelines.cli.parse import Parser, UsageError, add_verb
from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.operations.verb import Verb
from quant_pipelines.operations.verbs import VERBS


def build_parser() -> argparse.ArgumentParser:
    """Parser of the whole command line."""
    parser = Parser(prog="quant", description="Crypto strategies that run themselves.")
    heads = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        child = add_verb(heads, verb.name, verb.help)
        if verb.kinds and not verb.kinds[0].function:
            actions = child.add_subparsers(dest="action", required=True, metavar="ACTION")
            for action in verb.kinds:
                grandchild = add_verb(actions, action.name, action.help, json_default=argparse.SUPPRESS)
                _declare(grandchild, action, f"{verb.name}_{action.name}")
        else:
            _declare(child, verb, verb.name)
    return parser


def _declare(parser: argparse.ArgumentParser, verb: Verb, module: str) -> None:
    """Declare what a row asks for, and who carries it out; a module imports what is heavy only then."""
    module = verb.module or module
    if verb.has_own_arguments:
        command = importlib.import_module(f"quant_pipelines.cli.{module}")
        command.add_arguments(parser)
    else:
        for field in verb.fields:
            add_field(parser, field)
        add_asker(parser, verb.asker)

    def run(arguments: argparse.Namespace) -> int:
        _refuse(parser, arguments, fields_left_unread(verb, arguments))
        require_reason(verb, arguments)
        if verb.function and not verb.has_own_arguments:
            return decide(verb, arguments, **{one.name: getattr(arguments, one.name) for one in verb.fields})
        command = importlib.import_module(f"quant_pipelines.cli.{module}")
        if hasattr(command, "left_unread"):
            _refuse(parser, arguments, command.left_unread(arguments))
        return int(command.run(arguments))

    parser.set_defaults(run=run)


def _refuse(
    parser: argparse.ArgumentParser, arguments: argparse.Namespace, unread: Mapping[str, str]
) -> None:
    """Refuse what was given although nothing would read it: whoever gives it expects that it counts."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to what was declared
        value = getattr(arguments, action.dest, action.default)
        if action.dest in unread and value != action.default:
            name = action.option_strings[0] if action.option_strings else action.metavar or action.dest
            raise ConfigurationError(f"{name} is given, but {unread[action.dest]}; expected none")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; logs go to stderr, an expected failure is one sentence there."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    given = sys.argv[1:] if arguments is None else list(arguments)
    for argument in given:
        if any("\ud800" <= one <= "\udfff" for one in argument):
            print(f"quant: argument {argument!a} is not UTF-8; expected text", file=sys.stderr)
            return 2
    try:
        parsed = build_parser().parse_args(given)
        return int(parsed.run(parsed))
    except QuantError as error:
        print(f"quant: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away; the rest of the answer has no place to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
