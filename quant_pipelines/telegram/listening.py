"""Takes updates one after the other, each once, and says what came of it; no fault of Telegram ends it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from quant_pipelines.core.clock import Clock
from quant_pipelines.telegram.bell import Bell
from quant_pipelines.telegram.bot_api import BotApi, BotFault
from quant_pipelines.telegram.commands import command_word
from quant_pipelines.telegram.desk import Operator
from quant_pipelines.telegram.replies import within_limit
from quant_pipelines.telegram.taken import Begun, TakenUpdates
from quant_pipelines.telegram.updates import PassedOver, Words, read_update, update_id_of

_LONGEST_PAUSE: Final = 60.0
_LONGEST_PACE: Final = 600.0
_SLOW: Final = ("token", "refused")
_TOLD_AFTER: Final = 3
_SEND_TRIES: Final = 3
_LONGEST_SEND_PAUSE: Final = 30.0
_MOST_UNSAID: Final = 20
_AT_ONCE: Final = 0.25

AnswerWords: TypeAlias = Callable[[Operator, str], Awaitable[str]]

_log = logging.getLogger(__name__)


class Reply(NamedTuple):
    """A text for a private chat."""

    chat: int
    text: str


class ListeningRules(NamedTuple):
    """Who is heard, and for how long what was written counts.

    Parameters
    ----------
    chatters
        Users by the number of their account.
    oldest_seconds
        Age after which a command is not carried out.
    clock
        This machine's time.
    first_pause
        Seconds before a call that failed is tried again; doubled up to a minute.
    """

    chatters: Mapping[int, str]
    oldest_seconds: float
    clock: Clock
    first_pause: float = 1.0


class Listening:
    """Between the Bot API and whoever answers.

    Parameters
    ----------
    bot
        Open connection to the Bot API.
    answer
        Does what somebody writes, and says what came of it.
    bell
        Wakes people.
    taken
        Which updates were taken.
    rules
        Who is heard.
    """

    def __init__(
        self,
        bot: BotApi,
        answer: AnswerWords,
        *,
        bell: Bell,
        taken: TakenUpdates,
        rules: ListeningRules,
    ) -> None:
        self._bot, self._answers, self._bell, self._taken = bot, answer, bell, taken
        self._rules = rules
        self._not_before = 0.0 if taken.was_known else rules.clock() / 1000
        self._confirmed: int | None = None
        self._faults = 0
        self._newest: set[int | None] = set()
        self._unsaid: deque[Reply] = deque(maxlen=_MOST_UNSAID)

    async def run(self, stopping: asyncio.Event) -> None:
        """Listen until it is asked to stop."""
        self._note_unfinished()
        while not stopping.is_set():
            pause = await self._round(stopping)
            if pause:
                await _wait(stopping, pause)

    async def _round(self, stopping: asyncio.Event) -> float:
        """Poll once and act; returns for how long to pause, seconds."""
        began = time.monotonic()
        try:
            updates = await self._polled(stopping)
        except BotFault as fault:
            return await self._troubled(fault)
        self._faults = 0
        await self._ring("")
        await self._say_unsaid()
        for update in updates:
            if stopping.is_set():
                return 0.0  # it comes again at the next start
            await self._take(update)
        # An answer that comes at once and says nothing new must not become a loop that asks without a breath.
        numbers = {update_id_of(one) for one in updates}
        is_new, self._newest = bool(numbers - self._newest), numbers
        return 0.0 if is_new or time.monotonic() - began >= _AT_ONCE else 1.0

    async def _polled(self, stopping: asyncio.Event) -> list[Any]:
        polling = asyncio.create_task(self._bot.updates(self._confirmed))
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((polling, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not polling.done():
                return []
            updates = polling.result()
        finally:
            for task in (polling, stopped):
                task.cancel()
            await asyncio.gather(polling, stopped, return_exceptions=True)
        # Said once and not again: after a week of silence Telegram numbers anew, perhaps below what was said.
        self._confirmed = None
        if updates and all(update_id_of(one) is None for one in updates):
            raise BotFault("away", "Telegram sends updates without a number")
        return updates

    async def _take(self, update: Any) -> None:
        number = update_id_of(update)
        if number is None:
            return
        found = read_update(number, update)
        if number not in self._taken:
            if isinstance(found, PassedOver):
                _log.info("update %s is passed over: %s", number, found.why)
            else:
                await self._heard(found)
        self._confirmed = max(number, self._confirmed or 0)

    async def _heard(self, words: Words) -> None:
        name = self._rules.chatters.get(words.sender)
        if name is None:
            await asyncio.to_thread(self._bell.stranger, words.sender)
            return
        word = command_word(words.text)
        refusal = words.refusal or self._too_old(words, word)
        try:
            self._taken.note_begin(words.update_id, Begun(words.sender, word))
        except OSError as error:
            refusal = f"{word} was not done: it can't be written down here ({error.strerror})"
        answer = refusal or await self._answer(Operator(words.sender, name), words.text)
        _log.info("%s wrote %s", name, word)
        await self._say(Reply(words.sender, answer))

    async def _answer(self, who: Operator, text: str) -> str:
        try:
            return await self._answers(who, text)
        except Exception:  # noqa: BLE001 - a fault of one command must not keep people from the next
            _log.exception("%s of %s failed", command_word(text), who.name)
            return f"{command_word(text)} failed here; it is not known whether it was done: ask /status"

    def _too_old(self, words: Words, word: str) -> str:
        age = self._rules.clock() / 1000 - words.sent_at
        if age > self._rules.oldest_seconds:
            return f"{word} is too old and was not done: it was sent {age:.0f} s ago; send it again"
        if words.sent_at < int(self._not_before):
            return (
                f"{word} was not done: it was sent before this desk began to keep its record; send it again"
            )
        return ""

    def _note_unfinished(self) -> None:
        unknown = "it is not known whether that was done: ask /status"
        for begun in self._taken.unfinished:
            if begun.sender in self._rules.chatters:
                sentence = f"the desk was stopped before it could say what came of {begun.word}"
                self._unsaid.append(Reply(begun.sender, f"{sentence}; {unknown}"))

    async def _say(self, reply: Reply) -> None:
        self._unsaid.append(Reply(reply.chat, within_limit(reply.text)))
        await self._say_unsaid()

    async def _say_unsaid(self) -> None:
        """Say what is due, in order; what Telegram does not take now is kept for the next round."""
        was_due = bool(self._unsaid)
        while self._unsaid:
            if not await self._sent(self._unsaid[0]):
                return
            self._unsaid.popleft()
        if was_due:
            try:
                self._taken.note_end()
            except OSError as error:
                _log.warning("the record of updates can't be written: %s", error.strerror)

    async def _sent(self, reply: Reply) -> bool:
        """Whether a reply needs no further try: it was taken, or is refused for good."""
        for _ in range(_SEND_TRIES):
            try:
                await self._bot.send(reply.chat, reply.text)
            except BotFault as fault:
                _log.warning("a reply to %s was not taken: %s", reply.chat, fault)
                if fault.trouble == "refused":
                    return True
                asked = fault.pause_seconds or self._rules.first_pause
                await asyncio.sleep(min(asked, _LONGEST_SEND_PAUSE))
            else:
                return True
        return False

    async def _troubled(self, fault: BotFault) -> float:
        self._faults += 1
        _log.warning("no updates: %s", fault)
        if fault.trouble in (*_SLOW, "conflict") or self._faults >= _TOLD_AFTER:
            await self._ring(f"commands from Telegram do not arrive: {_reason(fault)}")
        if fault.trouble == "pace":
            return min(max(fault.pause_seconds, self._rules.first_pause), _LONGEST_PACE)
        doubled = self._rules.first_pause * 2 ** min(self._faults - 1, 10)
        return min(
            _LONGEST_PAUSE * self._rules.first_pause if fault.trouble in _SLOW else doubled, _LONGEST_PAUSE
        )

    async def _ring(self, sentence: str) -> None:
        await asyncio.to_thread(self._bell.trouble, sentence)


def _reason(fault: BotFault) -> str:
    """Say what is wrong in words that stay the same while it is."""
    return {
        "token": "the token of the bot is not right; expected that of @BotFather in QUANT_TELEGRAM_TOKEN",
        "conflict": "another program asks with the same token, or a webhook is set; expected this desk alone",
        "pace": "Telegram asks for a pause",
        "refused": str(fault),
        "away": "Telegram gives no answer that can be read",
    }[fault.trouble]


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
