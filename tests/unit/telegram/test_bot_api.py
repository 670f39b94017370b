"""The Bot API refuses, asks for a pause, answers nonsense or not at all; the token never shows."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from quant_pipelines.telegram.bot_api import BotApi, BotFault
from tests.fake_telegram import TOKEN, FakeTelegram, Scripted, fake_telegram, refusal


@pytest.fixture(scope="module")
def shared() -> Iterator[FakeTelegram]:
    with fake_telegram() as found:
        yield found


def fault_of(address: str, token: str = TOKEN) -> BotFault:
    async def asked() -> BotFault:
        async with BotApi(address, token, poll_seconds=0.1) as bot:
            with pytest.raises(BotFault) as caught:
                await bot.updates(None)
            return caught.value

    return asyncio.run(asked())


CASES = [
    (refusal(429, "Too Many Requests: retry after 7", retry_after=7), "pace", 7.0),
    (refusal(429, "Too Many Requests", retry_after="soon"), "pace", 0.0),
    (refusal(429, "Too Many Requests", retry_after=-1), "pace", 0.0),
    (refusal(409, "Conflict: can't use getUpdates method while webhook is active"), "conflict", 0.0),
    (refusal(401, "Unauthorized"), "token", 0.0),
    (refusal(404, "Not Found"), "token", 0.0),
    (refusal(400, "Bad Request: offset"), "refused", 0.0),
    (refusal(502, "Bad Gateway"), "away", 0.0),
    (Scripted(502, b"<html>Bad Gateway</html>"), "away", 0.0),
    (Scripted(200, b"[]"), "away", 0.0),
    (Scripted(200, b'{"ok": true, "result": {}}'), "away", 0.0),
    (Scripted(200, b'{"ok": true}'), "away", 0.0),
    (Scripted(200, b'{"ok": 1, "result": []}'), "away", 0.0),
    (Scripted(302, b""), "away", 0.0),
    (Scripted(200, b"[" * 100_000), "away", 0.0),
    (Scripted(200, b" " * 4_000_001), "away", 0.0),
    (Scripted(200, None), "away", 0.0),
]


@pytest.mark.parametrize(("answer", "trouble", "pause"), CASES)
def test_each_refusal_is_known_for_what_it_is(
    shared: FakeTelegram, answer: Scripted, trouble: str, pause: float
) -> None:
    shared.script("getUpdates", answer)
    fault = fault_of(shared.address)
    assert (fault.trouble, fault.pause_seconds) == (trouble, pause)
    assert TOKEN not in str(fault)
    assert len(str(fault)) < 400


def test_a_wrong_token_shows_in_no_error(shared: FakeTelegram) -> None:
    wrong = TOKEN[:-1] + "2"
    assert "odd-one" not in str(fault_of("http://[broken", "odd-one"))
    for address in (shared.address, "http://127.0.0.1:1", "http://host.invalid", "http://[broken"):
        fault = fault_of(address, wrong)
        shown = f"{fault} {fault!r} {fault.__cause__!r}"
        assert wrong not in shown
        assert "AAHdq" not in shown
        assert fault.__suppress_context__ or fault.__context__ is None


def test_a_server_that_hangs_is_given_up() -> None:
    async def asked(port: int) -> BotFault:
        async with BotApi(f"http://127.0.0.1:{port}", TOKEN, poll_seconds=-14.8) as bot:
            with pytest.raises(BotFault) as caught:
                await bot.updates(None)
            return caught.value

    with socket.create_server(("127.0.0.1", 0)) as silent:
        fault = asyncio.run(asked(silent.getsockname()[1]))
    assert fault.trouble == "away"
    assert "TimeoutError" in str(fault)


def test_updates_are_confirmed_by_the_next_number(shared: FakeTelegram) -> None:
    async def asked() -> None:
        async with BotApi(shared.address, TOKEN, poll_seconds=0.05) as bot:
            first, second = shared.write(7, "/status"), shared.write(7, "/help")
            assert [one["update_id"] for one in await bot.updates(None)] == [first, second]
            assert [one["update_id"] for one in await bot.updates(first)] == [second]
            assert await bot.updates(second) == []
            await bot.send(7, "a <b>plain</b> _text_ & more")

    asyncio.run(asked())
    assert shared.sent == [(7, "a <b>plain</b> _text_ & more")]
    assert shared.asked[-1]["allowed_updates"] == ["message"]
