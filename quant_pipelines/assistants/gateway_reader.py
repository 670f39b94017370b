"""Asks the gateway of a stack, with a program's token."""

from types import TracebackType
from typing import Any, Self

import aiohttp

from quant_pipelines.core.errors import ConfigurationError, QuantError
from quant_pipelines.core.secret_variables import TOKEN_VARIABLE

_SECONDS = aiohttp.ClientTimeout(total=30)
_LONGEST = 200_000


class QuestionRefused(QuantError):
    """The gateway refused a question, or is away; carries its sentence."""


class GatewayReader:
    """Connection to a gateway; it can only ask.

    Parameters
    ----------
    address
        Such as ``http://127.0.0.1:33095``.
    token
        Of a program, see ``POST /api/v1/tokens``.
    """

    def __init__(self, address: str, token: str) -> None:
        if not token:
            raise ConfigurationError(
                f"{TOKEN_VARIABLE} is empty; expected a program's token: POST /api/v1/tokens, role viewer"
            )
        self._address, self._token = address.rstrip("/"), token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}"}, timeout=_SECONDS
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def document(self) -> dict[str, Any]:
        """Read its description of itself.

        Raises
        ------
        QuestionRefused
            If it is away.
        """
        found: dict[str, Any] = await self._get("/api/v1/openapi.json", as_json=True)
        return found

    async def ask(self, target: str) -> str:
        """Answer of a question, JSON text.

        Raises
        ------
        QuestionRefused
            If it refuses, is away, or answers more than an assistant can read.
        """
        answer: str = await self._get(target, as_json=False)
        if len(answer) > _LONGEST:
            raise QuestionRefused(
                f"the answer has {len(answer):,} characters; expected at most {_LONGEST:,}: ask for less"
            )
        return answer

    async def _get(self, target: str, *, as_json: bool) -> Any:
        if self._session is None:
            raise RuntimeError("the reader is not open")
        try:
            async with self._session.get(f"{self._address}{target}", allow_redirects=False) as response:
                if response.status == 200:
                    return await (response.json() if as_json else response.text())
                raise QuestionRefused(await _sentence(response))
        except (TimeoutError, aiohttp.ClientError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise QuestionRefused(
                f"the gateway at {self._address} does not answer: {reason}; is 'quant up' running?"
            ) from error


async def _sentence(response: aiohttp.ClientResponse) -> str:
    try:
        found = await response.json()
        return f"{response.status}: {found['error']}"
    except (aiohttp.ContentTypeError, ValueError, KeyError, TypeError):
        return f"the gateway answered {response.status}; expected 200"
