"""``quant db migrate``: bring the stack's database to this code's schema."""

import argparse

from quant_pipelines.cli.operator import add_home
from quant_pipelines.cli.output import print_document


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "action", choices=("migrate",), help="migrate: to this code's schema; newer is refused"
    )
    add_home(parser)


def run(arguments: argparse.Namespace) -> int:
    """Migrate; running it again changes nothing."""
    from quant_pipelines.cli.history import stack_database_url
    from quant_pipelines.settings import load_settings
    from quant_pipelines.store.engine import connect, require_reachable
    from quant_pipelines.store.migrate import migrate

    engine = connect(stack_database_url(arguments, load_settings()), pool_size=1)
    try:
        require_reachable(engine)
        revision = migrate(engine)
    finally:
        engine.dispose()
    if arguments.json:
        print_document({"revision": revision})
    else:
        print(f"the database is at revision {revision}")
    return 0
