"""Shows the pages of a folder on 127.0.0.1, read only.

Dagster's web server can't show files, so its links lead here. Answered are GET and HEAD of names such as
``verdict-12.html``: nothing is listed, no path leads elsewhere, and a request whose Host is not this machine
is refused, so that a foreign site can't read pages through the browser.
"""

import re
import shutil
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from quant_pipelines.pages.place import HOST, INDEX

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,80}\.html")
_NOTHING_YET = b"<!doctype html><title>Reports</title><p>No page has been written yet.</p>\n"
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class PageServer(ThreadingHTTPServer):
    """Server of one folder of pages.

    Parameters
    ----------
    folder
        Where the pages are; it need not exist yet.
    port
        On 127.0.0.1; 0 takes a free one.
    """

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.folder = folder

    @property
    def address(self) -> str:
        """Address of the folder, without a slash at the end."""
        return f"http://{HOST}:{self.server_address[1]}"

    def hosts(self) -> tuple[str, ...]:
        """Return what a request may call this server."""
        return tuple(f"{name}:{self.server_address[1]}" for name in (HOST, "localhost"))


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = 10
    server_version = "quant"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as http.server has it
        """Say nothing: what is read here concerns nobody."""

    def _answer(self, *, has_body: bool) -> None:
        if self.headers.get("Host") not in self.server.hosts():
            self.send_error(HTTPStatus.FORBIDDEN, "Unknown host")
            return
        name = self.path.partition("?")[0].removeprefix("/") or INDEX
        page = self.server.folder / name
        if not _NAME.fullmatch(name) or page.is_symlink() or not page.is_file():
            self._say_nothing_yet(name, has_body=has_body)
            return
        with page.open("rb") as file:
            self._begin(page.stat().st_size)
            if has_body:
                shutil.copyfileobj(file, self.wfile)

    def _say_nothing_yet(self, name: str, *, has_body: bool) -> None:
        if name != INDEX:
            self.send_error(HTTPStatus.NOT_FOUND, "No such page")
            return
        self._begin(len(_NOTHING_YET))
        if has_body:
            self.wfile.write(_NOTHING_YET)

    def _begin(self, size: int) -> None:
        self.send_response(HTTPStatus.OK)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
