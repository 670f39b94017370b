"""``quant research replay``: stored trials, run again."""

import argparse

from quant_pipelines.cli.operator import add_home, opened
from quant_pipelines.cli.output import print_answer, table
from quant_pipelines.cli.parse import whole_number, within
from quant_pipelines.core.bounds import ROW_ID

_TESTED = ("fold", "days", "stored_return", "now_return")
_COLUMNS = ("fold", "trial", "stored", "now", "stored_return", "now_return")
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "verdict",
        metavar="VERDICT",
        type=within(ROW_ID, "id"),
        help="its id, as quant research list shows it",
    )
    parser.add_argument("--fold", type=whole_number, metavar="K", help="only this fold (default: all)")
    parser.add_argument("--trial", type=whole_number, metavar="N", help="only this trial (default: all)")
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what came out otherwise, with both numbers; 1 if anything did."""
    from quant_pipelines.cli.history import columns_folder
    from quant_pipelines.operations.research import require_verdict
    from quant_pipelines.research.replay import replay_trials
    from quant_pipelines.store.engine import transaction

    with opened(arguments) as (engine, _):
        with transaction(engine) as connection:
            record = require_verdict(connection, arguments.verdict)
        replay = replay_trials(
            engine,
            record.task_id or 0,
            fold=arguments.fold,
            trial=arguments.trial,
            columns=columns_folder(arguments),
        )
    differing = [one._asdict() for one in replay.differing]
    tests = [one._asdict() for one in replay.differing_tests]
    document = {
        "verdict_id": record.id,
        "trials": len(replay.trials),
        "differing": differing,
        "test_windows": len(replay.tests),
        "differing_test_windows": tests,
        "changes": replay.changes,
    }
    lines = [replay.told(arguments.verdict)]
    if differing:
        lines.append(table(differing[:_SHOWN], _COLUMNS))
    if tests:
        lines.append(table(tests, _TESTED))
    if (differing or tests) and not replay.changes:
        lines.append("  nothing is known to have changed: text, kernel and bars are those of then")
    lines += [f"  {change}" for change in replay.changes]
    print_answer(arguments, document, "\n".join(lines))
    return 1 if differing or tests else 0
