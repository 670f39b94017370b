"""Which channel is told when, and in which words."""

from datetime import UTC, datetime, timedelta

import pytest

from quant_pipelines.core.severities import Severity
from quant_pipelines.notify.channels import channels_of
from quant_pipelines.notify.message import Notice, Templates, message_of
from quant_pipelines.notify.quiet_hours import ALWAYS_LOUD, quiet_hours_of
from quant_pipelines.notify.route import Hush, legs, pause_after

NOON = datetime(2025, 6, 10, 12, tzinfo=UTC)
NIGHT = datetime(2025, 6, 10, 23, tzinfo=UTC)
MORNING = datetime(2025, 6, 11, 7, tzinfo=UTC)
CHANNELS = channels_of(["log info json://a", "chat warning json://b", "pager halt 10 json://c"])
LOUD = Hush(ALWAYS_LOUD, "info")
QUIET = Hush(quiet_hours_of("22:00-07:00"), "critical")


@pytest.mark.parametrize(
    ("severity", "names"),
    [("info", ["log"]), ("warning", ["log", "chat"]), ("halt", ["log", "chat", "pager"])],
)
def test_an_alert_goes_to_each_channel_that_takes_it(severity: Severity, names: list[str]) -> None:
    assert [leg.channel for leg in legs(severity, "account", CHANNELS, LOUD, NOON)] == names


def test_a_channel_that_waits_for_an_acknowledgement_is_due_later() -> None:
    due = {leg.channel: leg.due_at for leg in legs("halt", "account", CHANNELS, LOUD, NOON)}
    assert due == {"log": NOON, "chat": NOON, "pager": NOON + timedelta(minutes=10)}


def test_an_alert_about_a_channel_does_not_go_by_that_channel() -> None:
    assert [leg.channel for leg in legs("warning", "channel:log", CHANNELS, LOUD, NOON)] == ["chat"]
    assert [leg.channel for leg in legs("warning", "channel:chat", CHANNELS, LOUD, NOON)] == ["log"]


@pytest.mark.parametrize(
    ("severity", "at", "due"),
    [
        ("warning", NIGHT, MORNING),
        ("warning", MORNING - timedelta(minutes=1), MORNING),
        ("warning", MORNING, MORNING),
        ("warning", NOON, NOON),
        ("critical", NIGHT, NIGHT),
        ("halt", NIGHT, NIGHT),
    ],
)
def test_quiet_hours_hold_back_what_matters_less(severity: Severity, at: datetime, due: datetime) -> None:
    assert legs(severity, "account", CHANNELS, QUIET, at)[0].due_at == due


def test_quiet_hours_within_a_day() -> None:
    hours = quiet_hours_of("12:30-13:00")
    assert hours.end_of(NOON) == NOON
    assert hours.end_of(NOON + timedelta(minutes=45)) == NOON + timedelta(hours=1)


def test_pauses_grow_up_to_an_hour() -> None:
    pauses = [pause_after(tries).total_seconds() for tries in range(1, 40)]
    assert pauses[:3] == [30, 60, 120]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600


def told(number: int, severity: Severity = "warning", resolved_at: datetime | None = None) -> Notice:
    return Notice(number, severity, f"deployment:{number}", f"message {number}", NOON, resolved_at)


WORDS = Templates("{severity}: {source}", "{at} {message} ({id})")


def test_several_alerts_are_one_message_that_the_worst_gives_its_title() -> None:
    message = message_of([told(1), told(2, "halt"), told(3)], WORDS)
    assert message.title == "halt: deployment:2 (+2 more)"
    assert message.body.splitlines() == [f"2025-06-10 12:00:00 UTC message {n} ({n})" for n in (1, 2, 3)]


def test_a_message_says_that_an_alert_is_over() -> None:
    message = message_of([told(1, resolved_at=NOON + timedelta(seconds=20))], WORDS)
    assert message.body.endswith("(over since 2025-06-10 12:00:20 UTC)")


def test_many_alerts_are_counted_beyond_the_first_twenty() -> None:
    lines = message_of([told(number) for number in range(50)], WORDS).body.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 30 more; quant alerts lists them"


def test_a_message_shows_no_key() -> None:
    alert = Notice(1, "warning", "account", "GET /order?symbol=X&signature=abcdef failed", NOON)
    assert "abcdef" not in message_of([alert], WORDS).body


def test_braces_in_a_message_are_text() -> None:
    alert = Notice(1, "warning", "account", "{id} {oops}", NOON)
    assert message_of([alert], WORDS).body == "2025-06-10 12:00:00 UTC {id} {oops} (1)"
