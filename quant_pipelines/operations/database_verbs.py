"""Verbs of the stack's database: its schema, backups, and the way to newer code."""

from quant_pipelines.operations.verb import Field, Verb, action_of

_DB = (
    action_of(
        "migrate: to this code's schema; newer is refused. backup: both databases to FILE, also while "
        "the stack runs. restore: FILE in place of both, while it does not. drill: prove that FILE, else the "
        "newest that the stack made, can be restored; nothing is changed. list: what the stack made",
        "migrate",
        "backup",
        "restore",
        "drill",
        "list",
    ),
    Field(
        "file",
        "path",
        "of backup, restore and drill",
        metavar="FILE",
        default=None,
        is_optional=True,
        of=("backup", "restore", "drill"),
    ),
    Field("replace", "switch", "restore: give up what is stored now", flag="--replace", of=("restore",)),
)

DB = Verb("db", "the stack's database: its schema, backups", fields=_DB, asker="home")
UPGRADE = Verb(
    "upgrade",
    "bring the database to newer code: backed up, tried on the backup, then migrated",
    fields=(
        Field("dry_run", "switch", "back up and try, and leave the database as it is", flag="--dry-run"),
    ),
    asker="home",
)
