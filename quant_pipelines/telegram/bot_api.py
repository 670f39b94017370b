"""The two calls of the Bot API that are needed. The token is part of each address: no error shows one.

A bot library would bring a loop of its own that retries as it likes; what a refusal means is said here.
"""

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

import aiohttp

from quant_pipelines.core.errors import QuantError
from quant_pipelines.core.redaction import HIDDEN, redacted

BotTrouble: TypeAlias = Literal["token", "conflict", "pace", "refused", "away"]
"""Token: it is not right; conflict: somebody else asks with it; pace: too many calls; refused: this call;
away: no answer that can be read."""
POLL_SECONDS: Final = 25
_CALL_SECONDS: Final = 15.0
_MOST_BYTES: Final = 4_000_000
_TROUBLES: Final[Mapping[int, BotTrouble]] = {401: "token", 404: "token", 409: "conflict", 429: "pace"}


class BotFault(QuantError):
    """A call that Telegram refused or did not answer.

    Parameters
    ----------
    trouble
        What kind it is.
    sentence
        What was said, without the token.
    pause_seconds
        How long Telegram asks to wait; 0 where it does not say.
    """

    def __init__(self, trouble: BotTrouble, sentence: str, pause_seconds: float = 0.0) -> None:
        super().__init__(sentence)
        self.trouble = trouble
        self.pause_seconds = pause_seconds


class BotApi:
    """Connection to the Bot API.

    Parameters
    ----------
    address
        Such as ``https://api.telegram.org``.
    token
        Of the bot; secret.
    poll_seconds
        How long Telegram holds a question for updates while there are none.
    """

    def __init__(self, address: str, token: str, poll_seconds: float = POLL_SECONDS) -> None:
        self._address, self._token = address.rstrip("/"), token
        self._poll_seconds = poll_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(trust_env=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def updates(self, confirmed: int | None) -> list[Any]:
        """Wait for updates, as Telegram has them; those up to ``confirmed`` are not sent again.

        Raises
        ------
        BotFault
            If it refuses, or gives no answer that can be read.
        """
        asked: dict[str, Any] = {"timeout": self._poll_seconds, "allowed_updates": ["message"]}
        if confirmed is not None:
            asked["offset"] = confirmed + 1
        found = await self._called("getUpdates", asked, self._poll_seconds + _CALL_SECONDS)
        if not isinstance(found, list):
            raise BotFault("away", f"Telegram answered {type(found).__name__}; expected a list of updates")
        return found

    async def send(self, chat: int, text: str) -> None:
        """Send a plain text: without a mode nothing of it is read as markup.

        Raises
        ------
        BotFault
            If it refuses, or gives no answer that can be read.
        """
        about = {"chat_id": chat, "text": text, "link_preview_options": {"is_disabled": True}}
        await self._called("sendMessage", about, _CALL_SECONDS)

    async def _called(self, method: str, asked: Mapping[str, Any], seconds: float) -> Any:
        if self._session is None:
            raise RuntimeError("the connection is not open")
        url = f"{self._address}/bot{self._token}/{method}"
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.post(
                url, json=dict(asked), timeout=timeout, allow_redirects=False
            ) as response:
                return _result(response.status, await _body(response), method)
        except (OSError, aiohttp.ClientError, ValueError) as error:
            # What the library says may hold the address, and its traceback too: neither is handed on.
            said = self._hidden(" ".join(str(error).split()) or type(error).__name__)
            raise BotFault("away", f"no answer to {method}: {said:.200}") from None

    def _hidden(self, text: str) -> str:
        return redacted(text.replace(self._token, HIDDEN) if self._token else text)


async def _body(response: aiohttp.ClientResponse) -> Any:
    text = bytearray()
    async for part in response.content.iter_chunked(65_536):
        text += part
        if len(text) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES:,} bytes; expected fewer")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"status {response.status} without JSON; expected a document") from error


def _result(status: int, body: Any, method: str) -> Any:
    if not isinstance(body, dict):
        raise BotFault("away", f"{method} answered {status} without an object; expected one")
    if body.get("ok") is True and "result" in body:
        return body["result"]
    code = body.get("error_code")
    number = code if isinstance(code, int) else status
    said = (
        f"{method} was refused: {number} {redacted(str(body.get('description', 'without a reason')))[:200]}"
    )
    trouble: BotTrouble = _TROUBLES.get(number, "refused" if 400 <= number < 500 else "away")
    return _refuse(trouble, said, body.get("parameters"))


def _refuse(trouble: BotTrouble, said: str, parameters: Any) -> None:
    pause = parameters.get("retry_after") if isinstance(parameters, dict) else None
    is_number = isinstance(pause, int | float) and not isinstance(pause, bool) and 0 < pause < float("inf")
    raise BotFault(trouble, said, float(pause) if is_number and pause is not None else 0.0)
