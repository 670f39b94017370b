"""What each login saw last: shown again with its age while the database is away, and to nobody else."""

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Any, NamedTuple

from fastapi import Request

from quant_pipelines.gateway.cookies import cookie_name
from quant_pipelines.gateway.people import Person
from quant_pipelines.gateway.services import Services

_MOST = 300


class SeenPage(NamedTuple):
    """A page as it was shown: to whom, its template and its values."""

    person: Person
    template: str
    values: dict[str, Any]


class LastKnown:
    """Pages that were shown, the ones that were seen longest ago are forgotten first."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._pages: OrderedDict[str, SeenPage] = OrderedDict()
        self._lock = Lock()

    def keep(self, services: Services, request: Request, page: SeenPage) -> None:
        """Remember what is shown now."""
        key = _key(services, request)
        with self._lock:
            self._pages.pop(key, None)
            self._pages[key] = page
            if len(self._pages) > self._most:
                self._pages.popitem(last=False)

    def find(self, services: Services, request: Request) -> SeenPage | None:
        """Find what this login saw at this address."""
        with self._lock:
            return self._pages.get(_key(services, request))

    def forget(self, person: Person) -> None:
        """Forget what a login saw, as it ends."""
        with self._lock:
            gone = [key for key, page in self._pages.items() if page.person.login_id == person.login_id]
            for key in gone:
                del self._pages[key]


def _key(services: Services, request: Request) -> str:
    """Key of a login and an address: whoever has no cookie of it can't ask for its pages."""
    token = request.cookies.get(cookie_name(request, services.rules.root_path), "")
    text = f"{token} {request.url.path}?{request.url.query}"
    return hashlib.sha256(text.encode()).hexdigest()
