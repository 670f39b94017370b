"""``quant upgrade``: bring the database to the schema of newer code; a backup of it is tried first."""

import argparse

from quant_pipelines.cli.operator import home_of
from quant_pipelines.cli.output import print_answer
from quant_pipelines.cli.progress import waiting


def run(arguments: argparse.Namespace) -> int:
    """Upgrade, or try it."""
    from quant_pipelines.core.clock import utc_now
    from quant_pipelines.operations.upgrade import upgrade
    from quant_pipelines.settings import load_settings
    from quant_pipelines.stack.home import Home
    from quant_pipelines.stack.server import database_server

    settings, home = load_settings(), home_of(arguments)
    with (
        waiting("upgrade", arguments),
        database_server(Home(home), settings, may_run=arguments.dry_run, may_make=False) as url,
    ):
        done = upgrade(url, home, settings.backup, utc_now(), dry_run=arguments.dry_run)
    if not done.pending:
        told = f"the database is at revision {done.newest}, as this code expects; nothing to do"
    else:
        steps = f"{len(done.pending)} steps from {done.revision} to {done.newest}"
        told = f"{steps}, tried on a backup in {done.tried_seconds:.1f} s; " + (
            f"the database is migrated, its state before is in {done.backup}"
            if done.migrated
            else "the database is as it was"
        )
    print_answer(arguments, done._asdict(), told)
    return 0
