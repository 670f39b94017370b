"""Backups that the stack makes by itself: made, thinned out, missed when they end, and tried in a drill."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from sqlalchemy import Engine

from assets.resources import Platform
from quant_pipelines.core.backup_settings import BackupSettings
from quant_pipelines.core.clock import utc_now
from quant_pipelines.core.errors import ConfigurationError, StoreError
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import to_ms
from quant_pipelines.definitions import build_definitions
from quant_pipelines.operations.backup import back_up
from quant_pipelines.operations.backup_round import back_up_round, drill_newest
from quant_pipelines.operations.kept_backups import backup_name, kept_backups
from quant_pipelines.operations.restore import drill
from quant_pipelines.store.engine import connect, transaction
from quant_pipelines.store.heartbeats import read_heartbeats
from tests.integration.backup.conftest import Quant, contents, databases, named

pytestmark = pytest.mark.postgres
MONDAY = datetime(2026, 3, 2, 5, 15, tzinfo=UTC)
TWO_DAYS = BackupSettings(keep_days=2, keep_weeks=0)


@pytest.fixture
def engine(filled: str) -> Iterator[Engine]:
    """Product database with rows and Dagster's beside it."""
    made = connect(filled, pool_size=1)
    yield made
    made.dispose()


def test_a_round_keeps_what_the_settings_ask_for_and_gives_a_sign_of_life(
    engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "deep" / "backups"
    rounds = [back_up_round(engine, folder, TWO_DAYS, MONDAY + timedelta(days=day)) for day in range(3)]
    assert [one.dropped for one in rounds] == [(), (), (rounds[0].file,)]
    assert [one.file for one in kept_backups(folder)] == [rounds[2].file, rounds[1].file]
    assert folder.stat().st_mode & 0o777 == 0o700
    with transaction(engine) as connection:
        beat = read_heartbeats(connection)["backup"]
    assert (beat.at, beat.detail) == (
        MONDAY + timedelta(days=2),
        {"file": str(rounds[2].file), "bytes": rounds[2].file.stat().st_size},
    )


def test_a_round_that_fails_removes_nothing_and_gives_no_sign_of_life(
    engine: Engine, filled: str, tmp_path: Path
) -> None:
    for day in range(2):
        back_up_round(engine, tmp_path, TWO_DAYS, MONDAY + timedelta(days=day))
    with psycopg.connect(filled, autocommit=True) as session:
        session.execute("update ops.alembic_version set version_num = '9999'")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StoreError, match="newer than this code"):
        back_up_round(engine, tmp_path, replace(TWO_DAYS, keep_days=1), MONDAY + timedelta(days=2))
    assert sorted(tmp_path.iterdir()) == before
    with transaction(engine) as connection:
        assert read_heartbeats(connection)["backup"].at == MONDAY + timedelta(days=1)


def test_a_round_by_hand_removes_nothing_where_no_days_are_kept(engine: Engine, tmp_path: Path) -> None:
    rounds = [
        back_up_round(
            engine, tmp_path, BackupSettings(keep_days=0, keep_weeks=0), MONDAY + timedelta(days=day)
        )
        for day in range(2)
    ]
    assert [one.dropped for one in rounds] == [(), ()]
    assert all(one.file.exists() for one in rounds)


def test_what_a_killed_writer_left_goes_and_what_is_being_written_stays(
    engine: Engine, tmp_path: Path
) -> None:
    left, written = tmp_path / ".backup-1.quant.partial", tmp_path / ".backup-2.quant.partial"
    left.touch()
    written.touch()
    os.utime(left, (utc_now().timestamp() - 7200,) * 2)
    back_up_round(engine, tmp_path, TWO_DAYS, MONDAY)
    assert (left.exists(), written.exists()) == (False, True)


def test_a_folder_that_can_not_be_used_is_refused_in_one_sentence(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"backup\.folder '.*/file/below' can't be used: Not a dir"):
        back_up_round(engine, tmp_path / "file" / "below", TWO_DAYS, MONDAY)


def test_a_drill_proves_the_newest_backup_and_leaves_everything_as_it_was(
    engine: Engine, filled: str, tmp_path: Path, template_url: str
) -> None:
    back_up_round(engine, tmp_path, TWO_DAYS, MONDAY)
    before = contents(filled), contents(named(filled, "_dagster")), databases(template_url)
    newest, proven = drill_newest(engine, tmp_path, tmp_path)
    assert newest.at == MONDAY
    assert (proven["audit_rows"], proven["databases"]["product"]["tables"]["market.bars"]) == (1, 500)
    assert (contents(filled), contents(named(filled, "_dagster")), databases(template_url)) == before


def test_a_drill_refuses_a_backup_whose_audit_log_breaks(
    engine: Engine, filled: str, tmp_path: Path, template_url: str
) -> None:
    with psycopg.connect(filled) as session:
        session.execute("set session_replication_role = replica")
        session.execute("update ops.audit_logs set actor = 'bob'")
    back_up(filled, tmp_path / "all.quant")
    there = databases(template_url)
    with pytest.raises(
        StoreError, match=r"audit log that breaks at row 1: its contents do not give its hash"
    ):
        drill(filled, tmp_path / "all.quant")
    assert databases(template_url) == there


def test_a_drill_without_a_backup_says_so(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no backup; expected one, or a FILE"):
        drill_newest(engine, tmp_path, tmp_path)


def test_the_command_lists_and_tries_what_the_jobs_made(quant: Quant, filled: str, tmp_path: Path) -> None:
    """In Dagster as on the command line: one folder, and other files in it are nobody's business."""
    platform = Platform(Settings(database_url=filled), clock=lambda: to_ms(MONDAY))
    platform.home = tmp_path / "home"
    defs = build_definitions(platform)
    with dg.DagsterInstance.ephemeral() as instance:
        for job in ("daily_backup", "backup_drill"):
            assert defs.resolve_job_def(job).execute_in_process(instance=instance).success
    code, listed, _ = quant("db", "list")
    file = tmp_path / "home" / "backups" / backup_name(MONDAY)
    assert (code, [one["file"] for one in listed]) == (0, [str(file)])
    code, proven, err = quant("db", "drill")
    assert (code, err, proven["audit_rows"]) == (0, "", 1)
    file.write_bytes(file.read_bytes()[:-300])
    code, _, err = quant("db", "drill", file)
    assert (code, err.startswith(f"quant: backup {str(file)!r} is damaged")) == (1, True)


def test_without_days_to_keep_nothing_is_made(filled: str, tmp_path: Path) -> None:
    platform = Platform(Settings(database_url=filled, backup=BackupSettings(keep_days=0)))
    platform.home = tmp_path
    defs = build_definitions(platform)
    with dg.DagsterInstance.ephemeral() as instance:
        for job in ("daily_backup", "backup_drill"):
            assert defs.resolve_job_def(job).execute_in_process(instance=instance).success
    assert list(tmp_path.iterdir()) == []
