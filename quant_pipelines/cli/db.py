"""``quant db``: the schema of the stack's database, and backups of all that it holds."""

import argparse
from pathlib import Path
from typing import Any

from quant_pipelines.cli.operator import home_of
from quant_pipelines.cli.output import print_answer, print_document, table
from quant_pipelines.cli.progress import waiting


def run(arguments: argparse.Namespace) -> int:
    """Migrate, back up, restore, try a restore, or list what the stack backed up."""
    actions = {
        "migrate": _migrate,
        "backup": _back_up,
        "restore": _restore,
        "drill": _drill,
        "list": _list,
    }
    return actions[arguments.action](arguments)


def _migrate(arguments: argparse.Namespace) -> int:
    from quant_pipelines.cli.history import stack_database_url
    from quant_pipelines.settings import load_settings
    from quant_pipelines.store.engine import connected
    from quant_pipelines.store.migrate import migrate

    with connected(stack_database_url(arguments, load_settings())) as engine:
        revision = migrate(engine)
    print_answer(arguments, {"revision": revision}, f"the database is at revision {revision}")
    return 0


def _back_up(arguments: argparse.Namespace) -> int:
    from quant_pipelines.operations.backup import back_up
    from quant_pipelines.settings import load_settings
    from quant_pipelines.stack.home import Home
    from quant_pipelines.stack.server import database_server

    file = _file(arguments)
    with (
        waiting("backup", arguments),
        database_server(Home(home_of(arguments)), load_settings(), may_run=True, may_make=False) as url,
    ):
        manifest = back_up(url, file)
    return _answer(arguments, file, manifest, f"backed up to {file}, {file.stat().st_size:,} bytes")


def _restore(arguments: argparse.Namespace) -> int:
    from quant_pipelines.operations.backup import read_manifest
    from quant_pipelines.operations.restore import restore
    from quant_pipelines.settings import load_settings
    from quant_pipelines.stack.home import Home
    from quant_pipelines.stack.server import database_server

    file = _file(arguments)
    read_manifest(file)  # before a server is started for it
    with (
        waiting("restore", arguments),
        database_server(Home(home_of(arguments)), load_settings(), may_run=False, may_make=True) as url,
    ):
        manifest = restore(url, file, replace=arguments.replace)
        _anchor_restored(arguments, url, file)
    return _answer(arguments, file, manifest, f"restored from {file}, at revision {manifest['revision']}")


def _drill(arguments: argparse.Namespace) -> int:
    from quant_pipelines.operations.backup import read_manifest
    from quant_pipelines.operations.backup_round import drill_with_room, newest_backup
    from quant_pipelines.settings import load_settings
    from quant_pipelines.stack.home import Home
    from quant_pipelines.stack.server import database_server
    from quant_pipelines.store.engine import connected

    file = newest_backup(_folder(arguments)).file if arguments.file is None else _file(arguments)
    read_manifest(file)  # before a server is started for it
    with (
        waiting("drill", arguments),
        database_server(Home(home_of(arguments)), load_settings(), may_run=True, may_make=True) as url,
        connected(url) as engine,
    ):
        proven = drill_with_room(engine, file, home_of(arguments))
    done = f"{file} was restored and dropped again; {proven['audit_rows']} rows of the audit log are whole"
    return _answer(arguments, file, proven, done)


def _list(arguments: argparse.Namespace) -> int:
    from quant_pipelines.operations.kept_backups import kept_backups

    folder = _folder(arguments)
    rows = [
        {"at": one.at, "bytes": one.file.stat().st_size, "file": one.file} for one in kept_backups(folder)
    ]
    told = table(rows, ("at", "bytes", "file")) if rows else f"{folder} holds no backup yet"
    print_answer(arguments, rows, told)
    return 0


def _folder(arguments: argparse.Namespace) -> Path:
    from quant_pipelines.operations.backup_round import backup_folder
    from quant_pipelines.settings import load_settings

    return backup_folder(home_of(arguments), load_settings().backup)


def _anchor_restored(arguments: argparse.Namespace, url: str, file: Path) -> None:
    """Say outside of the database that its audit log is an older one now."""
    from quant_pipelines.core.clock import utc_now
    from quant_pipelines.operations.audit_anchors import add_anchor
    from quant_pipelines.stack.home import open_home
    from quant_pipelines.store.audit import read_head
    from quant_pipelines.store.engine import connected, transaction

    with connected(url) as engine, transaction(engine) as connection:
        head = read_head(connection)
    if head is not None:
        anchors = open_home(home_of(arguments)).audit_anchors
        add_anchor(anchors, head, utc_now(), f"restored from {file}")


def _answer(arguments: argparse.Namespace, file: Path, manifest: dict[str, Any], done: str) -> int:
    if arguments.json:
        print_document({"file": file, **manifest})
        return 0
    rows = [
        {"database": name, "tables": len(about["tables"]), "rows": sum(about["tables"].values())}
        for name, about in manifest["databases"].items()
    ]
    print(f"{done}\n{table(rows, ('database', 'tables', 'rows'))}")
    return 0


def _file(arguments: argparse.Namespace) -> Path:
    from quant_pipelines.core.errors import ConfigurationError

    if arguments.file is None:
        raise ConfigurationError(f"no FILE is given; expected one to {arguments.action}")
    file: Path = arguments.file.expanduser().absolute()
    return file
