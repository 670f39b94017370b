"""Runner, data and database fall silent, and somebody is told, by row or without one."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, text

from quant_pipelines.store.bars import ensure_partitions
from quant_pipelines.store.engine import connect, transaction
from quant_pipelines.store.heartbeats import Alert, Heartbeat, read_heartbeats, write_alert, write_heartbeat
from quant_pipelines.store.market import seed_symbols
from quant_pipelines.store.tables import bars

pytestmark = pytest.mark.postgres
BTC = "BTC/USDT:USDT"


def beat(desk: Any) -> None:
    write_heartbeat(desk.engine, Heartbeat("live_runner", "ACTIVE", desk.now, {}))


def store_minute(desk: Any) -> None:
    ensure_partitions(desk.engine, desk.now_ms, desk.now_ms + 60_000)
    prices = dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), Decimal(1))
    key = {"exchange": "binanceusdm", "symbol": BTC, "timeframe": "1m", "ts": desk.now}
    with transaction(desk.engine) as connection:
        connection.execute(insert(bars).values(**key, **prices, trades=1, available_at=desk.now))


def test_nobody_is_missed_who_never_was_there(desk: Any) -> None:
    watchdog = desk.watchdog()
    desk.wait(hours=1)
    watchdog.round()
    assert desk.alerts() == []
    with transaction(desk.engine) as connection:
        assert read_heartbeats(connection)["watchdog"].at == desk.now


def test_a_silent_runner_is_an_alert_until_it_is_heard_of(desk: Any, hook: Any) -> None:
    beat(desk)
    watchdog = desk.watchdog(hook.channel("phone", "critical"))
    watchdog.round()
    desk.wait(seconds=31)
    watchdog.round()
    watchdog.round()
    [alert] = desk.alerts()
    assert (alert.severity, alert.source) == ("critical", "silence:runner")
    assert alert.message == "the runner has given no sign of life since 2025-06-10 12:00:00 UTC"
    assert len(hook.taken) == 1
    beat(desk)
    watchdog.round()
    assert desk.alerts()[0].resolved_at == desk.now


def test_a_watchdog_that_starts_anew_neither_alarms_at_once_nor_forgets(desk: Any, hook: Any) -> None:
    channel = hook.channel("phone", "critical")
    beat(desk)
    desk.wait(minutes=10)
    desk.watchdog(channel).round()
    assert desk.alerts() == []
    watchdog = desk.watchdog(channel)
    desk.wait(seconds=31)
    watchdog.round()
    desk.wait(seconds=5)
    desk.watchdog(channel).round()
    [alert] = desk.alerts()
    assert alert.resolved_at is None
    assert len(hook.taken) == 1


def test_data_that_no_longer_come_are_an_alert(desk: Any) -> None:
    seed_symbols(desk.engine, "binanceusdm", [BTC], [BTC], desk.now)
    store_minute(desk)
    watchdog = desk.watchdog()
    desk.wait(minutes=15.9)
    watchdog.round()
    assert desk.alerts() == []
    desk.wait(seconds=10)
    watchdog.round()
    assert [alert.source for alert in desk.alerts()] == ["silence:data"]
    store_minute(desk)
    watchdog.round()
    assert desk.alerts()[0].resolved_at is not None


def test_backups_that_no_longer_come_are_an_alert_and_no_reason_to_wake_anybody(desk: Any) -> None:
    write_heartbeat(desk.engine, Heartbeat("backup", "healthy", desk.now, {}))
    watchdog = desk.watchdog()
    desk.wait(hours=50)
    watchdog.round()
    assert desk.alerts() == []
    desk.wait(seconds=1)
    watchdog.round()
    [alert] = desk.alerts()
    assert (alert.severity, alert.source) == ("warning", "silence:backup")
    assert alert.message == "no backup has been made since 2025-06-10 12:00:00 UTC"


def test_zero_seconds_do_not_watch(desk: Any) -> None:
    beat(desk)
    watchdog = desk.watchdog(runner_seconds=0)
    desk.wait(hours=1)
    watchdog.round()
    assert desk.alerts() == []


def test_a_database_that_hangs_is_told_of_directly_and_written_down_afterwards(
    desk: Any, hook: Any, database_url: str
) -> None:
    """A lock stands for what hangs: the thread that asks waits in the middle of its question."""
    desk.now_ms = time.time_ns() // 1_000_000
    beat(desk)
    watchdog = desk.watchdog(hook.channel("phone", "critical"), hook.channel("pager", "critical", 10))
    hook.refusing.add("pager")
    with psycopg.connect(database_url) as other:
        other.execute("lock table ops.heartbeats")
        asking = threading.Thread(target=watchdog.round)
        asking.start()
        until = time.monotonic() + 20
        while not hook.taken and time.monotonic() < until:
            desk.wait(seconds=10)
            watchdog.look_at_database()
            time.sleep(0.05)
        watchdog.look_at_database()
    asking.join(20)
    assert len(hook.bodies("phone")) >= 1
    assert "the database has not answered since" in hook.bodies("phone")[0]
    assert desk.alerts()[0].source == "silence:database"
    assert desk.alerts()[0].resolved_at is not None


def test_the_process_tells_what_is_written_while_it_runs(desk: Any, hook: Any, database_url: str) -> None:
    variables = os.environ | {
        "QUANT_DATABASE_URL": database_url,
        "QUANT_ALERTS__CHANNELS": hook.channel("log"),
        "QUANT_WATCHDOG__DATABASE_SECONDS": "2",
    }
    command = [sys.executable, "-P", "-m", "quant_pipelines.cli", "watchdog"]
    process = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
    try:
        write_alert(desk.engine, Alert("warning", "a", "news", desk.now + timedelta(days=1)))
        wait_for(hook, lambda: hook.bodies("log"))
        admin = connect(database_url.rpartition("/")[0] + "/postgres")
        name = database_url.rpartition("/")[2].partition("?")[0]
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"alter database {name} allow_connections false"))
            ending = text("select pg_terminate_backend(pid) from pg_stat_activity where datname = :name")
            connection.execute(ending, {"name": name})
            wait_for(hook, lambda: any("the database has not answered" in one for one in hook.bodies("log")))
            connection.execute(text(f"alter database {name} allow_connections true"))
        admin.dispose()
        wait_for(hook, lambda: any("over since" in one for one in hook.bodies("log")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        told = process.communicate()[1]
    assert "TOPSECRET" not in told


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_told_any_more_for_a_watchdog_that_has_ended(
    desk: Any, hook: Any, database_url: str, ending: signal.Signals
) -> None:
    """What it could not note is told again after its lease: it must not arrive besides."""
    hook.slow.add("log")
    channel = hook.channel("log") + "&rto=15"  # how long Apprise waits for an answer
    variables = os.environ | {"QUANT_DATABASE_URL": database_url, "QUANT_ALERTS__CHANNELS": channel}
    command = [sys.executable, "-P", "-m", "quant_pipelines.cli", "watchdog"]
    process = subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL)
    try:
        write_alert(desk.engine, Alert("warning", "a", "news", desk.now + timedelta(days=1)))
        assert hook.holds.wait(60)
        process.send_signal(ending)
        process.wait(20)
    finally:
        process.kill()
        process.wait(20)
    time.sleep(0.5)
    hook.goes_on.set()
    time.sleep(1.0)
    assert hook.bodies("log") == []
    desk.now_ms = time.time_ns() // 1_000_000 + 180_000
    desk.dispatch(channel).round()
    assert len(hook.bodies("log")) == 1


def wait_for(hook: Any, condition: Any) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, hook.taken
        time.sleep(0.1)


def test_a_channel_whose_url_can_not_be_used_is_an_alert_until_it_is_mended(desk: Any, hook: Any) -> None:
    usable = hook.channel("mail")
    desk.watchdog("phone info 0 nosuch://SECRET", usable).prove_channels()
    [alert] = desk.alerts()
    assert (alert.severity, alert.source, alert.resolved_at) == ("warning", "channel:phone", None)
    assert alert.message.startswith("nobody is told through channel phone: Apprise does not know such a URL")
    assert "SECRET" not in alert.message
    desk.watchdog(usable).prove_channels()
    assert desk.alerts()[0].resolved_at == desk.now
    assert hook.taken == []
