"""What an operator's words bring about: an answer of the gateway, a prompt, or a confirmed act."""

from contextlib import suppress
from typing import Final, NamedTuple

from quant_pipelines.core.clock import Clock
from quant_pipelines.telegram.commands import (
    ChatCommand,
    ChatQuery,
    CodeOf,
    GivenCode,
    Other,
    TighteningAct,
    read_command,
)
from quant_pipelines.telegram.confirmations import Confirmations
from quant_pipelines.telegram.gateway_desk import DeskLogin, DeskRefused, DeskSilent, GatewayDesk
from quant_pipelines.telegram.replies import answer_of, prompt_of

_NO_LOGIN: Final = "no login of yours counts; expected /login and your authenticator's code first"
_FAULT: Final = 500
_ENDED: Final = "your login has ended, nothing was done; expected /login and your authenticator's code"


class Operator(NamedTuple):
    """Who speaks: the number of the account, and the user that it is given to."""

    account: int
    name: str


class TelegramDesk:
    """Answers listed people.

    Parameters
    ----------
    gateway
        Open connection to the gateway: it decides, and writes the audit row.
    minutes
        How long a login lasts.
    confirm_seconds
        How long an act waits for its confirmation.
    clock
        This machine's time.
    """

    def __init__(self, gateway: GatewayDesk, minutes: int, confirm_seconds: float, clock: Clock) -> None:
        self._gateway = gateway
        self._minutes = minutes
        self._seconds = confirm_seconds
        self._confirmations = Confirmations(confirm_seconds, clock)
        self._logins: dict[int, DeskLogin] = {}

    async def answer(self, who: Operator, text: str) -> str:
        """Do what somebody writes, and say what came of it; a refusal is a sentence too."""
        command = read_command(text)
        try:
            return await self._answered(who, command)
        except DeskRefused as error:
            if error.status == 401 and not _is_code(command, "login"):
                self._logins.pop(who.account, None)
                return _ENDED
            if error.status >= _FAULT and _is_code(command, "confirm"):
                return _unknown(error)  # a commit that broke may have been done
            return f"refused, nothing was done: {error}"
        except DeskSilent as error:
            return _unknown(error) if _is_code(command, "confirm") else f"{error}; nothing was done"

    async def _answered(self, who: Operator, command: ChatCommand) -> str:
        if isinstance(command, GivenCode):
            given = self._logged_in if command.of == "login" else self._confirmed
            return await given(who, command.code)
        if isinstance(command, Other) and command.what != "logout":
            return command.sentence
        login = self._logins.get(who.account)
        if login is None:
            return _NO_LOGIN
        if isinstance(command, ChatQuery):
            return answer_of(command.question, await self._gateway.answer(login, command.question))
        return (
            self._prompted(who, command, login)
            if isinstance(command, TighteningAct)
            else await self._left(who, login)
        )

    async def _logged_in(self, who: Operator, code: str) -> str:
        login = await self._gateway.log_in(who.name, code)
        before, self._logins[who.account] = self._logins.get(who.account), login
        if before is not None:
            with suppress(DeskRefused, DeskSilent):  # it ends by itself, if not at once
                await self._gateway.log_out(before)
        return (
            f"{who.name} is logged in as {login.role} for {self._minutes} minutes; /help lists the commands"
        )

    async def _left(self, who: Operator, login: DeskLogin) -> str:
        del self._logins[who.account]
        await self._gateway.log_out(login)
        return f"{who.name} is logged out"

    def _prompted(self, who: Operator, act: TighteningAct, login: DeskLogin) -> str:
        if login.role == "viewer":
            return f"{who.name} is viewer; /{act.what} needs an operator"
        return prompt_of(act, self._confirmations.ask(who.account, act), self._seconds)

    async def _confirmed(self, who: Operator, code: str) -> str:
        taken = self._confirmations.take(who.account, code)
        if isinstance(taken, str):
            return taken
        login = self._logins.get(who.account)
        return await self._gateway.carry_out(login, taken) if login else _ENDED


def _is_code(command: ChatCommand, of: CodeOf) -> bool:
    return isinstance(command, GivenCode) and command.of == of


def _unknown(error: DeskRefused | DeskSilent) -> str:
    return f"{error}; it is not known whether that was done: ask /status"
