"""What counts as a command, and what is passed over."""

from typing import Any

import pytest

from quant_pipelines.core.chatters import chatters_of, require_api_address
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.telegram.commands import (
    HELP,
    ChatQuery,
    GivenCode,
    Other,
    TighteningAct,
    command_word,
    read_command,
)
from quant_pipelines.telegram.updates import PassedOver, Words, read_update, update_id_of

GROUP = {"chat": {"id": -100, "type": "supergroup"}}


def message(**changed: Any) -> dict[str, Any]:
    plain = {"chat": {"id": 7, "type": "private"}, "from": {"id": 7}, "date": 10, "text": "/status"}
    return {"message": {name: value for name, value in (plain | changed).items() if value is not None}}


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/status", ChatQuery("status")),
        ("/PROFIT@desk_bot", ChatQuery("profit")),
        ("/pause", TighteningAct("pause", "account")),
        ("/pause account", TighteningAct("pause", "account")),
        ("/flatten deployment:003", TighteningAct("flatten", "deployment:3")),
        ("/login 123 456", GivenCode("login", "123456")),
        ("/confirm 0001", GivenCode("confirm", "0001")),
        ("/start", Other("help", HELP)),
        ("/logout", Other("logout")),
    ],
)
def test_commands_as_they_are_written(text: str, command: object) -> None:
    assert read_command(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "/",
        "status",
        "/status now",
        "/resume",
        "/resume account",
        "/limit",
        "/promote 3",
        "/flatten all",
        *("/flatten 3 4", "/pause -1", "/login", "/login 12345", "/login १२३४५६", "/confirm 12345", "/halt"),
    ],
)
def test_everything_else_is_answered_and_does_nothing(text: str) -> None:
    command = read_command(text)
    assert isinstance(command, Other)
    assert command.what == "unknown"
    assert command.sentence


def test_no_code_is_kept_of_what_was_written() -> None:
    assert command_word("/login 123456") == "/login"
    assert command_word("123456") == "text"


@pytest.mark.parametrize(
    ("update", "refusal"),
    [
        (message(), ""),
        (message(**GROUP), "private chat"),
        (message(forward_origin={"type": "user"}), "forwarded"),
        (message(forward_date=9), "forwarded"),
        (message(via_bot={"id": 1}), "forwarded"),
        (message(text=None, photo=[]), "only text"),
        (message(text=None, forward_origin={}, **GROUP), "private chat"),
    ],
)
def test_only_text_that_is_newly_written_in_private_is_acted_on(update: dict[str, Any], refusal: str) -> None:
    found = read_update(5, update)
    assert isinstance(found, Words)
    assert found.sender == 7
    assert refusal in found.refusal
    assert bool(refusal) == bool(found.refusal)


@pytest.mark.parametrize(
    "update",
    [
        {"edited_message": message()["message"]},
        {"callback_query": {"id": "1", "from": {"id": 7}, "data": "/flatten"}},
        {"channel_post": message()["message"]},
        message(sender_chat={"id": -5}),
        message(**{"from": {"id": 7, "is_bot": True}}),
        message(**{"from": None}),
        message(**{"from": {"id": "7"}}),
        message(**{"from": {"id": True}}),
        message(date="today"),
        message(chat="7"),
        {"message": "/flatten"},
        {"message": None},
        {},
    ],
)
def test_other_updates_are_passed_over(update: dict[str, Any]) -> None:
    assert isinstance(read_update(5, update), PassedOver)


def test_an_update_without_a_number_is_none() -> None:
    assert [update_id_of(one) for one in ({}, [], None, {"update_id": "5"}, {"update_id": True})] == [
        None
    ] * 5


@pytest.mark.parametrize("texts", [("ann",), ("ann x",), ("Ann 5",), ("ann -5",), ("ann 5", "bob 5")])
def test_a_listed_account_belongs_to_one_user(texts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        chatters_of(texts)


@pytest.mark.parametrize(
    "address", ["http://api.telegram.org", "ftp://x", "https://", "https://a@b", "https://a/?x", "api"]
)
def test_a_token_goes_over_tls_or_stays_on_this_machine(address: str) -> None:
    with pytest.raises(ConfigurationError, match="expected https://HOST"):
        require_api_address(address)


def test_a_fake_on_this_machine_may_be_named() -> None:
    assert require_api_address("http://127.0.0.1:81") == "http://127.0.0.1:81"
