"""`quant db backup` and `restore`: what comes back is what was there, and a bad file changes nothing."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from quant_pipelines.operations import postgres_tools
from quant_pipelines.operations.backup import read_manifest
from quant_pipelines.stack.home import Home, locked, open_home
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.stack.prepare_database import prepare_database
from quant_pipelines.store import audit
from quant_pipelines.store.databases import count_rows
from quant_pipelines.store.engine import connect
from quant_pipelines.store.revision import newest_revision
from tests.integration.backup.conftest import Quant, contents, databases, fill, named, run_quant

pytestmark = pytest.mark.postgres


def test_a_backup_restores_every_row_into_a_fresh_database(
    quant: Quant, filled: str, fresh: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, manifest, err = quant("db", "backup", tmp_path / "all.quant")
    assert (code, err) == (0, "")
    assert manifest["databases"]["product"]["tables"]["market.bars"] == 500
    assert manifest["databases"]["product"]["revision"] == newest_revision()
    before = contents(filled), contents(named(filled, "_dagster"))
    monkeypatch.setenv("QUANT_DATABASE_URL", fresh)
    code, restored, err = quant("db", "restore", tmp_path / "all.quant")
    assert (code, err, restored["revision"]) == (0, "", newest_revision())
    assert (contents(fresh), contents(named(fresh, "_dagster"))) == before
    assert quant("audit", "verify")[0] == 0


def test_a_restored_backup_is_anchored_and_rows_cut_off_afterwards_are_missed(
    quant: Quant, filled: str, tmp_path: Path
) -> None:
    quant("db", "backup", tmp_path / "all.quant")
    with psycopg.connect(filled) as session:
        session.execute("update trading.accounts set capital = 99")
    engine = connect(filled, pool_size=1)
    with engine.begin() as connection:
        audit.append(connection, "ann", "test.done", "account", {})
    engine.dispose()
    assert quant("audit", "verify")[:2] == (
        0,
        {"whole": True, "rows": 2, "broken_id": None, "reason": "", "anchors": 0},
    )
    assert quant("db", "restore", tmp_path / "all.quant", "--replace")[0] == 0
    code, found, _ = quant("audit", "verify")
    assert (code, found["rows"], found["anchors"]) == (0, 1, 1)
    (tmp_path / "home" / "audit.anchors").write_text(
        json.dumps({"at": "2026-01-01T00:00:00+00:00", "rows": 2, "newest_id": 2, "hash": "ab"}) + "\n"
    )
    code, found, err = quant("audit", "verify")
    assert (code, found["whole"]) == (1, False)
    assert "the log ends after 1 rows that fit each other" in err
    code, receipt, _ = quant("audit", "accept", "--operator", "ann", "--reason", "restored by hand")
    assert (code, receipt["action"]) == (0, "audit.accepted")
    assert quant("audit", "verify")[0] == 0


def test_a_backup_is_private_and_is_not_overwritten(quant: Quant, filled: str, tmp_path: Path) -> None:
    quant("db", "backup", tmp_path / "all.quant")
    assert (tmp_path / "all.quant").stat().st_mode & 0o777 == 0o600
    code, _, err = quant("db", "backup", tmp_path / "all.quant")
    assert code == 1
    assert "exists already; expected a new name" in err


def test_a_backup_into_a_folder_that_is_not_there_leaves_nothing(
    quant: Quant, filled: str, tmp_path: Path
) -> None:
    code, _, err = quant("db", "backup", tmp_path / "nowhere" / "all.quant")
    assert code == 1
    assert "can't be written: No such file or directory" in err


def test_a_backup_of_a_database_that_is_away_leaves_no_file(
    quant: Quant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", "postgresql://quant:pw@127.0.0.1:1/quant")
    code, _, err = quant("db", "backup", tmp_path / "all.quant")
    assert code == 1
    assert "does not answer" in err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_file(filled: str, tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        "from quant_pipelines.cli.__main__ import main; sys.exit(main(['db', 'backup', 'all.quant']))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "QUANT_DATABASE_URL": filled, "QUANT_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("quant: backup ")
    assert "all.quant' can't be written: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_with_rows_is_kept_unless_it_is_given_up(
    quant: Quant, filled: str, tmp_path: Path, template_url: str
) -> None:
    quant("db", "backup", tmp_path / "all.quant")
    saved = contents(filled)
    with psycopg.connect(filled) as connection:
        connection.execute("insert into ops.heartbeats values ('later', 'ACTIVE', now(), '{}')")
    code, _, err = quant("db", "restore", tmp_path / "all.quant")
    assert code == 1
    assert "tables with rows; expected an empty one, or --replace" in err
    assert len(contents(filled)["ops.heartbeats"]) == len(saved["ops.heartbeats"]) + 1
    assert quant("db", "restore", tmp_path / "all.quant", "--replace")[0] == 0
    assert contents(filled) == saved
    assert not [name for name in databases(template_url) if name.endswith(("_restoring", "_replaced"))]


def test_a_database_in_use_is_not_replaced(quant: Quant, filled: str, tmp_path: Path) -> None:
    quant("db", "backup", tmp_path / "all.quant")
    with psycopg.connect(filled):
        code, _, err = quant("db", "restore", tmp_path / "all.quant", "--replace")
    assert code == 1
    assert "is in use by 1 connections; stop 'quant up' first" in err


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[: len(content) // 4] + b"\0" * 64 + content[len(content) // 4 + 64 :],
        lambda content: content[:-200],
        lambda content: b"not a backup at all",
        lambda content: b"",
    ],
    ids=["cut", "overwritten", "without its end", "something else", "empty"],
)
def test_a_damaged_backup_is_refused_and_changes_nothing(
    quant: Quant, filled: str, tmp_path: Path, template_url: str, damage: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "all.quant"
    quant("db", "backup", file)
    file.write_bytes(damage(file.read_bytes()))
    before, there = contents(filled), databases(template_url)
    code, document, err = quant("db", "restore", file, "--replace")
    assert (code, document) == (1, None)
    assert err.startswith(f"quant: backup {str(file)!r} is damaged")
    assert err.count("\n") == 1
    assert (contents(filled), databases(template_url)) == (before, there)


def test_a_backup_of_newer_code_is_refused_and_changes_nothing(
    quant: Quant, filled: str, fresh: str, tmp_path: Path, template_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "all.quant"
    quant("db", "backup", file)
    there = databases(template_url)
    newer_than_this_code(file, filled)
    monkeypatch.setenv("QUANT_DATABASE_URL", fresh)
    code, _, err = quant("db", "restore", file)
    assert code == 1
    assert "database revision '9999' is newer than this code" in err
    assert databases(template_url) == there


def newer_than_this_code(file: Path, url: str) -> None:
    """Write the backup that code with a later schema would have written."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update ops.alembic_version set version_num = '9999'")
    dumped: list[bytes] = []
    with psycopg.connect(url) as session:
        session.execute("set transaction isolation level repeatable read")
        (snapshot,) = session.execute("select pg_export_snapshot()").fetchone() or ("",)
        postgres_tools.dump(make_url(url), snapshot, lambda stream: dumped.append(stream.read()))
    manifest = read_manifest(file)
    manifest["databases"]["product"]["sha256"] = hashlib.sha256(dumped[0]).hexdigest()
    with zipfile.ZipFile(file) as archive:
        dagster = archive.read("dagster.dump")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("product.dump", dumped[0])
        archive.writestr("dagster.dump", dagster)
        archive.writestr("manifest.json", json.dumps(manifest))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Home whose own server is used."""
    monkeypatch.delenv("QUANT_DATABASE_URL", raising=False)
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "own"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "own"
    remove_place(tmp_path / "own")
    remove_place(tmp_path / "other")


def test_the_embedded_server_is_started_for_both(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with EmbeddedPostgres(open_home(home).folder, free_port(), durable=False) as server:
        prepare_database(server.url())
        fill(server.url())
    code, made, err = run_quant(capfd, "db", "backup", "all.quant")
    assert (code, err) == (0, "")
    code, restored, err = run_quant(capfd, "db", "restore", "all.quant", "--home", str(tmp_path / "other"))
    assert (code, err) == (0, "")
    assert restored["databases"] == made["databases"]


def test_a_home_without_a_database_has_nothing_to_back_up(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run_quant(capfd, "db", "backup", "all.quant")
    assert code == 1
    assert "has no database yet; start 'quant up'" in err
    assert not home.exists()


def test_a_running_stack_is_not_replaced(
    quant: Quant,
    filled: str,
    home: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QUANT_DATABASE_URL", filled)
    assert quant("db", "backup", tmp_path / "all.quant")[0] == 0
    monkeypatch.delenv("QUANT_DATABASE_URL")
    with locked(open_home(home)):
        code, _, err = run_quant(capfd, "db", "restore", "all.quant")
    assert code == 1
    assert "is in use by a running stack; stop 'quant up' first" in err
    assert not (Home(home).folder / "postgres").exists()


def test_backup_needs_a_file(quant: Quant) -> None:
    assert quant("db", "backup")[2] == "quant: no FILE is given; expected one to backup\n"


def test_rows_of_all_tables_are_counted(engine: Engine) -> None:
    with engine.connect() as connection:
        assert count_rows(connection)["market.bars"] == 0
