from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
OTHERS = """select pid from pg_stat_activity
where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()"""
END_OTHERS = OTHERS.replace("select pid", "select pg_terminate_backend(pid, 5000)")


def test_root_file_is_the_packaged_one() -> None:
    assert (ROOT / "dagster.yaml").read_text() == (ROOT / "quant_pipelines/stack/dagster.yaml").read_text()


def test_workspace_names_the_definitions() -> None:
    workspace = yaml.safe_load((ROOT / "workspace.yaml").read_text())
    (location,) = workspace["load_from"]
    assert location["python_module"]["module_name"] == "quant_pipelines.definitions"


@pytest.fixture
def instance(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    driver_url = database_url.replace("postgresql://", "postgresql+psycopg2://")
    monkeypatch.setenv("DAGSTER_PG_URL", driver_url)
    monkeypatch.setenv("DAGSTER_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("DAGSTER_COMPUTE_LOGS", str(tmp_path / "logs"))
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


@pytest.mark.postgres
def test_instance_starts_on_postgres(instance: dg.DagsterInstance) -> None:
    assert type(instance.run_storage).__name__ == "PostgresRunStorage"
    assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 3
    assert instance.run_monitoring_enabled
    assert not instance.telemetry_enabled
    assert instance.get_runs() == []


def ask_of_everything(instance: dg.DagsterInstance) -> None:
    instance.get_runs()
    instance.all_instigator_state()
    instance.get_dynamic_partitions("symbols")


@pytest.mark.postgres
def test_runs_events_and_schedules_are_asked_through_one_session_that_is_kept(
    instance: dg.DagsterInstance, database_url: str
) -> None:
    """To open one costs more than what is asked, and the daemon asks all day."""
    seen = set()
    with psycopg.connect(database_url, autocommit=True) as onlooker:
        for _ in range(5):
            ask_of_everything(instance)
            seen.add(tuple(pid for (pid,) in onlooker.execute(OTHERS)))
    assert [len(kept) for kept in seen] == [1]


@pytest.mark.postgres
def test_a_session_that_the_server_has_ended_is_replaced(
    instance: dg.DagsterInstance, database_url: str
) -> None:
    ask_of_everything(instance)
    with psycopg.connect(database_url, autocommit=True) as onlooker:
        assert onlooker.execute(END_OTHERS).fetchall() == [(True,)]
    ask_of_everything(instance)
