"""Channels, quiet hours and templates are refused in one sentence that shows no secret."""

import json
from pathlib import Path

import pytest

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.settings import Settings
from quant_pipelines.notify.channels import channel_of, channels_of
from quant_pipelines.settings import describe_settings, load_settings

SECRET = "tgram://123456789:AASECRET/4711"  # noqa: S105 - made up
VARIABLE = "QUANT_ALERTS__CHANNELS"


def test_a_channel_is_name_severity_wait_and_url() -> None:
    channel = channel_of(f"phone halt 10 {SECRET}")
    assert (channel.name, channel.severity, channel.wait_minutes, channel.url) == (
        "phone",
        "halt",
        10,
        SECRET,
    )
    assert channel_of(f"desk info {SECRET}").wait_minutes == 0


@pytest.mark.parametrize(
    ("severity", "taken"), [("info", False), ("warning", True), ("critical", True), ("halt", True)]
)
def test_a_channel_takes_its_severity_and_worse(severity: str, taken: bool) -> None:
    assert channel_of(f"phone warning {SECRET}").takes(severity) is taken  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a channel does not begin with its name; expected NAME SEVERITY [MINUTES] URL"),
        (SECRET, "a channel does not begin with its name; expected NAME SEVERITY [MINUTES] URL"),
        (f"phone {SECRET}", "channel 'phone' has 2 words; expected NAME SEVERITY [MINUTES] URL"),
        (f"phone loud {SECRET}", "no severity; expected one of info, warning, critical, halt"),
        (f"phone {SECRET} halt", "the second word of channel 'phone' is no severity"),
        (f"phone halt soon {SECRET}", "the wait of channel 'phone' is no number of minutes"),
        (f"phone halt 99999999 {SECRET}", "expected 0 to 10080"),
        ("phone halt AASECRET", "channel 'phone' does not end with a URL; expected an Apprise URL"),
        ("phone halt AASECRET://", "channel 'phone' does not end with a URL"),
    ],
)
def test_a_bad_channel_is_refused_by_name_without_its_secret(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(
            environment={VARIABLE: text} if text else {},
            flags=None if text else {"alerts": {"channels": [""]}},
        )
    assert sentence in str(refused.value)
    assert "AASECRET" not in str(refused.value)
    assert "setting alerts.channels" in str(refused.value)


def test_two_channels_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="channel 'phone' is given twice"):
        channels_of([f"phone halt {SECRET}", f"phone info {SECRET}"])


@pytest.mark.parametrize(
    "content",
    [
        f'alerts = "{SECRET}"',
        f'[alerts]\nchannels = "phone halt {SECRET}"',
        f'[alerts]\nchannels = [["phone", "{SECRET}"]]',
        f'[alerts]\nchannels = {{phone = "{SECRET}"}}',
    ],
)
def test_a_channel_of_another_form_is_refused_without_its_secret(tmp_path: Path, content: str) -> None:
    file = tmp_path / "quant.toml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"setting alerts.* has another form; expected: ") as refused:
        load_settings(environment={}, file=file)
    assert "AASECRET" not in str(refused.value)


def test_neither_listing_nor_representation_shows_a_url(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = load_settings(environment={VARIABLE: f"phone halt 10 {SECRET}"})
    assert "AASECRET" not in repr(settings) + repr(channels_of(settings.alerts.channels))
    rows = {row["name"]: row["value"] for row in describe_settings(settings)}
    assert rows["alerts.channels"] == ["phone halt 10 tgram://<hidden>"]
    monkeypatch.setenv(VARIABLE, f"phone halt 10 {SECRET}")
    monkeypatch.chdir(tmp_path)
    for arguments in (["settings", "show"], ["settings", "show", "--json"]):
        assert main(arguments) == 0
        assert "AASECRET" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "QUIET_HOURS",
            "22-7",
            "setting alerts.quiet_hours: quiet hours are '22-7'; expected two times (UTC)",
        ),
        ("QUIET_HOURS", "24:00-07:00", "expected two times (UTC) such as 22:00-07:00"),
        ("QUIET_BELOW", "loud", "alerts.quiet_below"),
        ("TITLE", "{secret}", "setting alerts.title: template '{secret}' can't be filled; expected only"),
        ("BODY", "{message", "setting alerts.body: template '{message' can't be filled"),
        ("BODY", "{message.__class__}", "can't be filled"),
        ("BODY", "{}", "can't be filled"),
        ("SAME_MINUTES", "-1", "alerts.same_minutes is -1; expected a value in [0, 10080]"),
    ],
)
def test_what_can_not_be_meant_is_refused(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(environment={f"QUANT_ALERTS__{name}": value})
    assert sentence in str(refused.value)


def test_nothing_is_told_to_anybody_unless_asked_for() -> None:
    assert json.dumps(Settings().alerts.channels) == "[]"
