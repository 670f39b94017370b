"""Alerts reach people through real requests, and their rows say what became of them."""

import threading
from typing import Any

import pytest
from sqlalchemy import update

from quant_pipelines.notify.courier import deliver
from quant_pipelines.notify.route import MOST_TRIES
from quant_pipelines.store.alert_deliveries import acknowledge
from quant_pipelines.store.engine import transaction
from quant_pipelines.store.tables import alert_deliveries, alerts

pytestmark = pytest.mark.postgres


def test_an_alert_arrives_once_through_each_channel_that_takes_it(desk: Any, hook: Any) -> None:
    channels = (hook.channel("log"), hook.channel("chat", "warning"), hook.channel("pager", "halt"))
    desk.alert("warning", "market_health", "BTC/USDT:USDT is stale")
    for _ in range(3):  # every one is a process of its own: none repeats what another has told
        desk.dispatch(*channels).round()
    told = (
        "warning: market_health",
        "2025-06-10 12:00:00 UTC market_health: BTC/USDT:USDT is stale (alert 1)",
    )
    assert sorted(hook.taken) == [("chat", *told), ("log", *told)]
    assert desk.rows() == [(1, "log", "delivered", 1), (1, "chat", "delivered", 1)]


def test_what_is_due_together_is_one_message(desk: Any, hook: Any) -> None:
    for number in range(3):
        desk.alert("warning", f"deployment:{number}", "daily loss")
    assert desk.dispatch(hook.channel("log")).round() == 1
    [(_, title, body)] = hook.taken
    assert title == "warning: deployment:0 (+2 more)"
    assert len(body.splitlines()) == 3


def test_the_same_is_told_once_within_the_window(desk: Any, hook: Any) -> None:
    dispatch = desk.dispatch(hook.channel("log"), same_minutes=60)
    for _ in range(8):  # every ten minutes: told at the first and after an hour
        desk.alert("warning", "outage:venue", "the venue is away")
        dispatch.round()
        desk.wait(minutes=10.1)
    assert len(hook.taken) == 2
    assert [state for _, _, state, _ in desk.rows()] == [
        "delivered",
        *["duplicate"] * 5,
        "delivered",
        "duplicate",
    ]


def test_another_message_of_the_same_source_is_told(desk: Any, hook: Any) -> None:
    dispatch = desk.dispatch(hook.channel("log"))
    for message in ("a", "b"):
        desk.alert("warning", "outage:venue", message)
        dispatch.round()
    assert len(hook.taken) == 2


def test_quiet_hours_hold_back_until_their_end(desk: Any, hook: Any) -> None:
    dispatch = desk.dispatch(hook.channel("log"), quiet_hours="11:00-13:00")
    desk.alert("warning", "a", "can wait")
    desk.alert("halt", "b", "can not wait")
    dispatch.round()
    assert [body.split(": ")[1] for body in hook.bodies("log")] == ["can not wait (alert 2)"]
    desk.wait(minutes=61)
    dispatch.round()
    assert "can wait (alert 1)" in hook.bodies("log")[1]


def test_a_waiting_channel_is_told_unless_somebody_knows(desk: Any, hook: Any) -> None:
    dispatch = desk.dispatch(hook.channel("chat"), hook.channel("pager", "halt", 10))
    desk.alert("halt", "deployment:1", "first")
    desk.alert("halt", "deployment:2", "second")
    dispatch.round()
    assert (len(hook.bodies("chat")), len(hook.bodies("pager"))) == (1, 0)
    with transaction(desk.engine) as connection:
        acknowledge(connection, 1, "ann", desk.now)
    desk.wait(minutes=11)
    dispatch.round()
    [body] = hook.bodies("pager")
    assert "second" in body
    assert "first" not in body
    assert (1, "pager", "over", 0) in desk.rows()


def test_what_is_over_goes_to_no_waiting_channel(desk: Any, hook: Any) -> None:
    dispatch = desk.dispatch(hook.channel("chat"), hook.channel("pager", "halt", 10))
    desk.alert("halt", "deployment:1", "first")
    dispatch.round()
    with transaction(desk.engine) as connection:
        connection.execute(update(alerts).values(resolved_at=desk.now))
    desk.wait(minutes=11)
    dispatch.round()
    assert hook.bodies("pager") == []


def test_a_channel_that_fails_is_tried_again_and_is_an_alert_itself(desk: Any, hook: Any) -> None:
    hook.refusing.add("chat")
    channels = (hook.channel("chat"), hook.channel("mail"))
    desk.alert("warning", "a", "news")
    desk.dispatch(*channels).round()
    assert desk.rows() == [(1, "chat", "waiting", 1), (1, "mail", "delivered", 1)]
    desk.dispatch(*channels).round()  # too early for a second try, and the failure is told by the other one
    assert "channel chat did not take alert 1: failure, HTTP 500; it is tried again" in hook.bodies("mail")[1]
    assert [row.source for row in desk.alerts()] == ["a", "channel:chat"]
    hook.refusing.clear()
    desk.wait(seconds=31)
    desk.dispatch(*channels).round()
    assert ["news" in body for body in hook.bodies("chat")] == [True]
    assert desk.alerts()[1].resolved_at is not None
    assert not any("TOPSECRET" in str(row) for row in [*desk.rows(), *desk.alerts()])


def test_a_failure_lets_the_waiting_channel_go_on_at_once(desk: Any, hook: Any) -> None:
    hook.refusing.add("chat")
    dispatch = desk.dispatch(hook.channel("chat"), hook.channel("pager", "halt", 60))
    desk.alert("halt", "deployment:1", "first")
    dispatch.round()
    dispatch.round()
    assert "first" in hook.bodies("pager")[0]


def test_a_channel_that_hangs_holds_up_no_other(desk: Any, hook: Any) -> None:
    answers = threading.Event()

    def slow(parcels: Any) -> dict[str, str]:
        if parcels[0].channel.name == "chat":
            answers.wait(20)
        return deliver(parcels)

    dispatch = desk.dispatch(hook.channel("chat"), hook.channel("mail"), send=slow)
    desk.alert("warning", "part 0", "news 0")
    dispatch.round(4.0)
    desk.alert("warning", "part 1", "news 1")
    assert dispatch.round() == 1  # it ends: only what it has sent itself is waited for
    assert ["news 0" in hook.bodies("mail")[0], "news 1" in hook.bodies("mail")[1]] == [True, True]
    assert hook.bodies("chat") == []
    assert [row[1:3] for row in desk.rows()].count(("chat", "sending")) == 1
    answers.set()
    dispatch.finish(20)
    dispatch.round()
    assert "news 0" in hook.bodies("chat")[0]
    assert "news 1" in hook.bodies("chat")[1]


def test_what_has_arrived_is_noted_where_another_channel_breaks_the_sending(desk: Any, hook: Any) -> None:
    def breaking(parcels: Any) -> dict[str, str]:
        if parcels[0].channel.name == "chat":
            raise OSError("no process can be started")
        return dict.fromkeys((one.channel.name for one in parcels), "")

    desk.alert("warning", "part 0", "news 0")
    with pytest.raises(OSError, match="no process"):
        desk.dispatch(hook.channel("chat"), hook.channel("mail"), send=breaking).round()
    assert {row[1]: row[2] for row in desk.rows()} == {"chat": "sending", "mail": "delivered"}


def test_what_can_not_be_delivered_is_given_up_after_a_day(desk: Any, hook: Any) -> None:
    hook.refusing.add("chat")
    dispatch = desk.dispatch(hook.channel("chat"))
    desk.alert("halt", "deployment:1", "first")
    for _ in range(2):
        dispatch.round()
        with transaction(desk.engine) as connection:
            connection.execute(update(alert_deliveries).values(tries=MOST_TRIES - 1))
        desk.wait(hours=2)
    assert [row[2:] for row in desk.rows() if row[0] == 1] == [("failed", MOST_TRIES - 1)]


def test_a_url_that_apprise_does_not_know_fails_by_name_and_the_others_go_on(desk: Any, hook: Any) -> None:
    desk.alert("warning", "a", "news")
    desk.dispatch("odd info foo://TOPSECRET", hook.channel("log")).round()
    assert len(hook.bodies("log")) == 1
    message = desk.alerts()[1].message
    assert "channel odd did not take alert 1: Apprise does not know such a URL" in message
    assert "TOPSECRET" not in message


def test_a_message_whose_process_died_is_sent_again_after_its_lease(desk: Any, hook: Any) -> None:
    class Killed(Exception):
        """Stands for a kill between the request and its note."""

    def kill(_: Any) -> dict[str, str]:
        raise Killed

    desk.alert("halt", "deployment:1", "first")
    with pytest.raises(Killed):
        desk.dispatch(hook.channel("log"), send=kill).round()
    assert desk.rows() == [(1, "log", "sending", 1)]
    desk.dispatch(hook.channel("log")).round()
    assert hook.taken == []  # it may still be on its way
    desk.wait(minutes=3)
    desk.dispatch(hook.channel("log")).round()
    assert len(hook.bodies("log")) == 1


def test_two_processes_tell_each_alert_once(desk: Any, hook: Any) -> None:
    for number in range(20):
        desk.alert("warning", f"deployment:{number}", "news")
    several = [desk.dispatch(hook.channel("log")) for _ in range(4)]
    threads = [threading.Thread(target=one.round) for one in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [line for body in hook.bodies("log") for line in body.splitlines()]
    assert len(lines) == len(set(lines)) == 20


def test_a_severity_that_nobody_knows_is_told_as_if_it_mattered(desk: Any, hook: Any) -> None:
    desk.alert("red", "a", "news")
    desk.dispatch(hook.channel("chat", "critical")).round()
    assert hook.taken[0][1] == "critical: a"


def test_what_stands_is_told_once_there_is_a_channel_and_what_is_long_over_is_not(
    desk: Any, hook: Any
) -> None:
    desk.alert("halt", "account", "still so")
    desk.alert("warning", "b", "long over")
    with transaction(desk.engine) as connection:
        connection.execute(update(alerts).where(alerts.c.source == "b").values(resolved_at=desk.now))
    assert desk.dispatch().round() == 0  # a watchdog without channels leaves them to one that has some
    desk.wait(hours=2)
    desk.dispatch(hook.channel("log")).round()
    assert [title for _, title, _ in hook.taken] == ["halt: account"]
