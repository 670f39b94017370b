"""Each command is carried out once or answered with why not, whatever Telegram and this process do."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from quant_pipelines.core.clock import utc_now
from quant_pipelines.telegram.bot_api import BotApi, BotFault
from quant_pipelines.telegram.desk import Operator
from quant_pipelines.telegram.listening import Listening, ListeningRules
from quant_pipelines.telegram.taken import Begun, TakenUpdates
from tests.fake_telegram import TOKEN, FakeTelegram, Scripted, fake_telegram, refusal

ANN, MALLORY = 7, 666
GROUP = {"chat": {"id": -100, "type": "group"}}


@dataclass
class RecordedBell:
    strangers: list[int] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def stranger(self, sender: int) -> None:
        self.strangers.append(sender)

    def trouble(self, sentence: str) -> None:
        if not self.troubles or sentence != self.troubles[-1]:
            self.troubles.append(sentence)


@dataclass
class World:
    """A bot of one operator; commands are noted, and answered with themselves."""

    telegram: FakeTelegram
    home: Path
    bell: RecordedBell = field(default_factory=RecordedBell)
    done: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.home / "telegram.json"

    def known(self) -> None:
        """There was a start before."""
        taken = TakenUpdates(self.file)
        taken.note_begin(1, Begun(ANN, "/help"))
        taken.note_end()

    async def answer(self, who: Operator, text: str) -> str:
        self.done.append(text)
        if text == "/fail":
            raise ValueError("nobody expected this")
        return f"{who.name}: {text}"

    def listen(self, work: Callable[[], object]) -> None:
        """Listen while ``work`` runs in a thread of its own, then stop."""

        async def listening() -> None:
            stopping = asyncio.Event()
            rules = ListeningRules(
                {ANN: "ann"}, 60, lambda: int(utc_now().timestamp() * 1000), first_pause=0.02
            )
            async with BotApi(self.telegram.address, TOKEN, poll_seconds=0.5) as bot:
                one = Listening(
                    bot,
                    self.answer,
                    bell=self.bell,
                    taken=TakenUpdates(self.file),
                    rules=rules,
                )
                running = asyncio.create_task(one.run(stopping))
                await asyncio.to_thread(work)
                stopping.set()
                await asyncio.wait_for(running, 5)

        asyncio.run(listening())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with fake_telegram() as telegram:
        found = World(telegram, tmp_path)
        found.known()
        yield found


def test_commands_are_answered_in_order_and_confirmed(world: World) -> None:
    for text in ("/status", "/fail", "/profit"):
        world.telegram.write(ANN, text)
    world.listen(world.telegram.confirmed)
    assert world.done == ["/status", "/fail", "/profit"]
    first, failed, last = world.telegram.replies(3)
    assert (first, last) == ("ann: /status", "ann: /profit")
    assert failed == "/fail failed here; it is not known whether it was done: ask /status"
    assert world.bell.troubles == [""]


def test_a_stranger_gets_nothing_done_and_no_answer(world: World) -> None:
    world.telegram.write(MALLORY, "/flatten")
    world.telegram.write(MALLORY, "/flatten", **GROUP)
    world.listen(world.telegram.confirmed)
    assert (world.done, world.telegram.sent) == ([], [])
    assert world.bell.strangers == [MALLORY, MALLORY]


def test_what_is_old_forwarded_or_said_in_a_group_is_answered_and_not_done(world: World) -> None:
    world.telegram.write(ANN, "/flatten", at=utc_now().timestamp() - 100)
    world.telegram.write(ANN, "/flatten", forward_origin={"type": "user"})
    world.telegram.write(ANN, "/flatten", **GROUP)
    world.telegram.post({"edited_message": {"text": "/flatten"}})
    world.telegram.post({"callback_query": {"data": "/flatten"}})
    world.listen(world.telegram.confirmed)
    assert world.done == []
    old, forwarded, group = world.telegram.replies(3)
    assert old.startswith("/flatten is too old and was not done: it was sent 10")
    assert "forwarded" in forwarded
    assert "private chat" in group
    assert {chat for chat, _ in world.telegram.sent} == {ANN}


def test_a_command_that_telegram_sends_again_is_not_carried_out_again(world: World) -> None:
    world.telegram.write(ANN, "/flatten")
    # The confirmation is lost on its way, several times.
    cut = [Scripted(200, None)] * 3
    work = [lambda: world.telegram.replies(1), world.telegram.confirmed]

    def confirm_late() -> None:
        work[0]()
        world.telegram.script("getUpdates", *cut)
        work[1]()

    world.listen(confirm_late)
    world.listen(lambda: None)
    assert world.done == ["/flatten"]


def test_what_a_crash_interrupted_is_told_and_not_repeated(world: World) -> None:
    number = world.telegram.write(ANN, "/confirm 1234")
    TakenUpdates(world.file).note_begin(number, Begun(ANN, "/confirm"))  # and here the process dies
    world.telegram.write(ANN, "/status")
    world.listen(world.telegram.confirmed)
    assert world.done == ["/status"]
    told, status = world.telegram.replies(2)
    assert told == (
        "the desk was stopped before it could say what came of /confirm; "
        "it is not known whether that was done: ask /status"
    )
    assert status == "ann: /status"
    assert TakenUpdates(world.file).unfinished == []


def test_without_a_record_nothing_from_before_the_start_counts(world: World) -> None:
    world.file.write_text("{")
    world.telegram.write(ANN, "/flatten", at=utc_now().timestamp() - 5)
    world.listen(world.telegram.confirmed)
    assert world.done == []
    assert "before this desk began" in world.telegram.replies(1)[0]


def test_what_can_not_be_written_down_is_not_done(world: World) -> None:
    world.file.with_suffix(".partial").mkdir()
    world.telegram.write(ANN, "/flatten")
    world.listen(world.telegram.confirmed)
    assert world.done == []
    assert world.telegram.replies(1) == [
        "/flatten was not done: it can't be written down here (Is a directory)"
    ]


def test_a_number_is_confirmed_once_so_that_lower_ones_still_count_later(world: World) -> None:
    world.telegram.next_id = 900_000
    world.telegram.write(ANN, "/status")

    def weeks() -> None:
        world.telegram.confirmed()
        world.telegram.polled(2)
        world.telegram.next_id = 5000  # after a week of silence numbers begin anywhere
        world.telegram.write(ANN, "/profit")
        world.telegram.replies(2)
        world.telegram.confirmed()

    world.listen(weeks)
    assert world.done == ["/status", "/profit"]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([refusal(401, "Unauthorized")], "the token of the bot is not right"),
        ([refusal(409, "Conflict: terminated by other getUpdates request")], "another program asks"),
        ([Scripted(502, b"<html>")] * 3, "Telegram gives no answer that can be read"),
        ([Scripted(200, b'{"ok": true, "result": [{"message": {}}, 5]}')] * 3, "gives no answer"),
    ],
)
def test_troubles_are_told_and_over_when_they_are(world: World, answers: list[Scripted], told: str) -> None:
    world.telegram.script("getUpdates", *answers)
    world.telegram.write(ANN, "/status")
    world.listen(world.telegram.confirmed)
    assert world.done == ["/status"]
    began, over = world.bell.troubles
    assert told in began
    assert over == ""


def test_one_answer_that_is_missing_wakes_nobody(world: World) -> None:
    world.telegram.script("getUpdates", Scripted(200, None), refusal(429, "Too Many", retry_after=0.1))
    world.telegram.write(ANN, "/status")
    world.listen(world.telegram.confirmed)
    assert world.bell.troubles == [""]


def test_an_answer_that_telegram_does_not_take_is_said_later(world: World) -> None:
    world.telegram.script("sendMessage", *[Scripted(502, b"")] * 4)
    world.telegram.write(ANN, "/status")
    world.telegram.write(ANN, "/profit")
    world.listen(lambda: world.telegram.replies(2))
    assert world.telegram.replies(2) == ["ann: /status", "ann: /profit"]


def test_a_pause_that_telegram_asks_for_is_kept(world: World) -> None:
    world.telegram.script("sendMessage", refusal(429, "Too Many Requests: retry after 1", retry_after=0.4))
    world.telegram.write(ANN, "/status")
    began = utc_now().timestamp()
    world.listen(lambda: world.telegram.replies(1))
    assert world.telegram.sent_at[0] - began >= 0.4


def test_who_blocks_the_bot_does_not_keep_others_from_it(world: World) -> None:
    world.telegram.blocked.add(ANN)
    world.telegram.write(ANN, "/status")
    world.listen(world.telegram.confirmed)
    assert world.done == ["/status"]
    assert TakenUpdates(world.file).unfinished == []


@pytest.mark.parametrize(
    ("text", "changed"), [("/\ud800", {}), ("/status", {"date": 10**400})], ids=["half a letter", "no date"]
)
def test_what_can_not_be_read_ends_nothing(world: World, text: str, changed: dict[str, object]) -> None:
    world.telegram.write(ANN, text, at=0, **changed)
    world.telegram.write(ANN, "/profit")
    world.listen(world.telegram.confirmed)
    assert world.done == ["/profit"]


def test_an_update_that_is_sent_without_end_is_not_asked_for_without_a_breath(world: World) -> None:
    message = {"from": {"id": MALLORY}, "chat": {"id": MALLORY}, "date": 1, "text": "/flatten"}
    again = json.dumps({"ok": True, "result": [{"update_id": 9, "message": message}]}).encode()
    world.telegram.script("getUpdates", *[Scripted(200, again)] * 3)
    began = time.monotonic()
    world.listen(world.telegram.polled)
    assert time.monotonic() - began >= 2.0


def test_what_could_not_be_told_before_a_crash_is_told_as_not_known(world: World) -> None:
    for number, word in ((5, "/confirm"), (6, "/status")):
        TakenUpdates(world.file).note_begin(number, Begun(ANN, word))  # and neither answer arrives
    world.listen(lambda: world.telegram.replies(2))
    first, second = world.telegram.replies(2)
    assert "what came of /confirm;" in first
    assert "what came of /status;" in second
    assert TakenUpdates(world.file).unfinished == []


def test_two_desks_with_one_token_hear_of_each_other(world: World) -> None:
    async def other() -> None:
        async with BotApi(world.telegram.address, TOKEN, poll_seconds=0.3) as bot:
            with suppress(BotFault):  # it is refused as well: each poll ends the other's
                await bot.updates(None)

    world.listen(lambda: asyncio.run(_again(other)))
    assert any("another program asks" in one for one in world.bell.troubles)


async def _again(poll: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(0.1)
    await poll()
