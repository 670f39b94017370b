"""`quant upgrade`: backed up, tried on the backup, migrated; what goes wrong before leaves the old state."""

from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from quant_pipelines.operations.kept_backups import kept_backups
from quant_pipelines.store.engine import connected
from quant_pipelines.store.revision import MIGRATIONS, known_revisions, newest_revision
from tests.integration.backup.conftest import Quant, contents, databases

pytestmark = pytest.mark.postgres


@pytest.fixture
def older(filled: str) -> str:
    """Database of the release before: its newest step is undone."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with connected(filled) as engine, engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, known_revisions()[-2])
    return filled


def test_a_dry_run_tries_it_on_a_backup_and_changes_nothing(
    quant: Quant, older: str, tmp_path: Path, template_url: str
) -> None:
    before, there = contents(older), databases(template_url)
    code, tried, err = quant("upgrade", "--dry-run")
    assert (code, err) == (0, "")
    assert (tried["revision"], tried["pending"]) == (known_revisions()[-2], [newest_revision()])
    assert (tried["migrated"], tried["backup"]) == (False, None)
    assert list((tmp_path / "home" / "backups").iterdir()) == []
    assert (contents(older), databases(template_url)) == (before, there)


def test_an_upgrade_migrates_and_the_second_one_has_nothing_to_do(
    quant: Quant, older: str, tmp_path: Path
) -> None:
    code, done, err = quant("upgrade")
    assert (code, err, done["migrated"], done["newest"]) == (0, "", True, newest_revision())
    folder = tmp_path / "home" / "backups"
    assert [Path(done["backup"])] == list(folder.iterdir())
    assert kept_backups(folder) == []  # no round thins it out
    code, again, _ = quant("upgrade")
    assert (code, again["pending"], again["backup"], again["migrated"]) == (0, [], None, False)


def test_a_database_that_can_not_be_migrated_stays_as_it_was(
    quant: Quant, older: str, template_url: str
) -> None:
    """The server forbids every change of the schema, in a restored copy as well."""
    with psycopg.connect(older) as session:
        session.execute(
            "create function forbid() returns event_trigger language plpgsql as "
            "$$ begin raise exception 'the schema is frozen'; end $$"
        )
        session.execute("create event trigger frozen on ddl_command_start execute function forbid()")
    before, there = contents(older), databases(template_url)
    code, _, err = quant("upgrade")
    assert (code, err.count("\n")) == (1, 1)
    assert err.endswith("and is as it was: the schema is frozen\n")
    assert (contents(older), databases(template_url)) == (before, there)


def test_a_database_of_newer_code_is_refused_before_anything_is_done(
    quant: Quant, filled: str, tmp_path: Path
) -> None:
    with psycopg.connect(filled, autocommit=True) as session:
        session.execute("update ops.alembic_version set version_num = '9999'")
    code, _, err = quant("upgrade")
    assert code == 1
    assert "database revision '9999' is newer than this code" in err
    assert not (tmp_path / "home" / "backups").exists()
