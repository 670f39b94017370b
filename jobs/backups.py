"""Jobs that back the databases up, and prove that what was written can be restored."""

import dagster as dg

from assets.resources import Platform
from quant_pipelines.core.clock import clock_time

# A drill reads what a backup may be about to remove.
_ALONE = {"quant/exclusive": "backup"}


@dg.op(
    description="Write both databases to a file of their own and remove the backups that it supersedes; "
    "backup.keep_days = 0 makes none"
)
def daily_backup_op(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Back up, and say what was written and removed."""
    from quant_pipelines.operations.backup_round import (  # noqa: PLC0415 - keeps the code server light
        back_up_round,
        backup_folder,
    )

    settings = platform.settings.backup
    if not settings.keep_days:
        context.log.info("backup.keep_days is 0: no backup is made")
        return
    folder = backup_folder(platform.home, settings)
    done = back_up_round(platform.engine, folder, settings, clock_time(platform.clock))
    context.log.info(
        "backed up to %s, %d bytes; %d older ones removed", done.file, done.size, len(done.dropped)
    )


@dg.op(
    description="Restore the newest backup beside the databases in use, count every row, migrate it, prove "
    "its audit log, and drop it again"
)
def backup_drill_op(context: dg.OpExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Restore the newest backup where nobody works with it."""
    from quant_pipelines.operations.backup_round import (  # noqa: PLC0415 - keeps the code server light
        backup_folder,
        drill_newest,
    )

    settings = platform.settings.backup
    if not settings.keep_days:
        context.log.info("backup.keep_days is 0: there is no backup to try")
        return
    folder = backup_folder(platform.home, settings)
    newest, proven = drill_newest(platform.engine, folder, platform.home)
    rows = sum(sum(about["tables"].values()) for about in proven["databases"].values())
    whole = "%s was restored and dropped again: %d rows, audit log of %d whole"
    context.log.info(whole, newest.file.name, rows, proven["audit_rows"])


daily_backup = dg.GraphDefinition(
    name="daily_backup", node_defs=[daily_backup_op], description=daily_backup_op.description
).to_job(tags=_ALONE)
backup_drill = dg.GraphDefinition(
    name="backup_drill", node_defs=[backup_drill_op], description=backup_drill_op.description
).to_job(tags=_ALONE)
