"""Asks the gateway in the name of an operator who has logged in by a one-time code.

The login becomes a program's token of the lowest role that tightens; it is kept in memory only.
"""

from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import aiohttp

from quant_pipelines.core.errors import QuantError
from quant_pipelines.telegram.commands import ChatQuestion, TighteningAct

_SECONDS: Final = aiohttp.ClientTimeout(total=10)
_VIA: Final = {"Via": "1.1 telegram"}
"""Says that somebody elsewhere asks: a name alone then lets nobody in, also while there are no users."""
_PATHS: Final[dict[ChatQuestion, str]] = {
    "status": "/api/v1/runner",
    "profit": "/api/v1/deployments",
    "positions": "/api/v1/positions",
}
_ROUTES: Final = {"pause": "/api/v1/runner/halt", "flatten": "/api/v1/runner/flatten"}
_ROLE: Final = "operator"


class DeskRefused(QuantError):
    """The gateway refused, with its status and its sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class DeskSilent(QuantError):
    """The gateway did not answer: what was asked for may have been done or not."""


class DeskLogin(NamedTuple):
    """A login: its token, and what it may do."""

    token: str
    role: str


class GatewayDesk:
    """Connection to a gateway.

    Parameters
    ----------
    address
        Such as ``http://127.0.0.1:33095``.
    minutes
        How long a login lasts.
    """

    def __init__(self, address: str, minutes: int) -> None:
        self._address, self._minutes = address.rstrip("/"), minutes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # No cookie is kept: those of a login are handed on by hand, so that no two people share one.
        jar = aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(headers=_VIA, timeout=_SECONDS, cookie_jar=jar)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def log_in(self, operator: str, code: str) -> DeskLogin:
        """Log in by name and one-time code, for as long as a program's token lasts.

        Raises
        ------
        DeskRefused
            If name or code do not suffice.
        DeskSilent
            If it does not answer.
        """
        cookies: dict[str, str] = {}
        opened = await self._asked("POST", "/api/v1/session", {"operator": operator, "code": code}, cookies)
        role = "viewer" if opened["role"] == "viewer" else _ROLE
        label = {"label": "telegram", "minutes": self._minutes, "role": role}
        browser = {"X-CSRF-Token": opened["csrf_token"]} | _cookie(cookies)
        try:
            given = await self._asked("POST", "/api/v1/tokens", label, headers=browser)
        finally:
            await self._asked("DELETE", "/api/v1/session", headers=browser)
        return DeskLogin(str(given["token"]), role)

    async def log_out(self, login: DeskLogin) -> None:
        """End a login.

        Raises
        ------
        DeskRefused
            If it had ended before.
        DeskSilent
            If it does not answer.
        """
        await self._asked("DELETE", "/api/v1/session", headers=_bearer(login))

    async def answer(self, login: DeskLogin, question: ChatQuestion) -> dict[str, Any]:
        """Read what a question is about.

        Raises
        ------
        DeskRefused
            If the login does not count any more, or the database is away.
        DeskSilent
            If it does not answer.
        """
        found: dict[str, Any] = await self._asked("GET", _PATHS[question], headers=_bearer(login))
        return found

    async def carry_out(self, login: DeskLogin, act: TighteningAct) -> str:
        """Tighten, and return what was done.

        Raises
        ------
        DeskRefused
            If it was refused: nothing was done; a status from 500 on tells that as little as silence.
        DeskSilent
            If no answer came: it may have been done.
        """
        given = {"scope": act.scope, "reason": f"/{act.what} on Telegram, confirmed there"}
        done = await self._asked("POST", _ROUTES[act.what], given, headers=_bearer(login))
        return f"{done['summary']} (audit row {done['audit_id']})"

    async def _asked(
        self,
        method: str,
        path: str,
        given: dict[str, Any] | None = None,
        cookies: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        if self._session is None:
            raise RuntimeError("the connection is not open")
        url = f"{self._address}{path}"
        try:
            async with self._session.request(
                method, url, json=given, headers=headers, allow_redirects=False
            ) as response:
                if cookies is not None:
                    cookies |= {name: one.value for name, one in response.cookies.items()}
                return await _document(response)
        except (OSError, aiohttp.ClientError, ValueError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise DeskSilent(f"the gateway does not answer: {said:.200}") from error


async def _document(response: aiohttp.ClientResponse) -> Any:
    if response.status == 204:
        return {}
    found = await response.json()
    if not isinstance(found, dict):
        raise ValueError(f"status {response.status} without an object")
    if response.status >= 400:
        raise DeskRefused(response.status, str(found.get("error", f"status {response.status}")))
    return found


def _bearer(login: DeskLogin) -> dict[str, str]:
    return {"Authorization": f"Bearer {login.token}"}


def _cookie(cookies: dict[str, str]) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
