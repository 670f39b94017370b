"""A small Bot API on loopback, built from its documentation: updates by offset, refusals, conflicts."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from quant_pipelines.core.clock import utc_now

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"  # noqa: S105 - of nobody
_CONFLICT = (
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
)


class Scripted(NamedTuple):
    """An answer that one call gets in place of the real one; without a body the connection is cut."""

    status: int
    body: bytes | None


def refusal(code: int, description: str, **parameters: Any) -> Scripted:
    told = {"ok": False, "error_code": code, "description": description}
    return Scripted(code, json.dumps(told | ({"parameters": parameters} if parameters else {})).encode())


@dataclass
class FakeTelegram:
    """What waits for the bot, what it said, and what it is answered next, by method."""

    token: str = TOKEN
    waiting: list[dict[str, Any]] = field(default_factory=list)
    sent: list[tuple[int, str]] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    scripts: dict[str, deque[Scripted]] = field(default_factory=dict)
    blocked: set[int] = field(default_factory=set)
    next_id: int = 1000
    address: str = ""
    changed: threading.Condition = field(default_factory=threading.Condition)
    poller: int = 0

    def script(self, method: str, *answers: Scripted) -> None:
        self.scripts.setdefault(method, deque()).extend(answers)

    def write(self, sender: int, text: str, at: float | None = None, **changed: Any) -> int:
        """Somebody writes to the bot in the private chat; ``changed`` members of the message differ."""
        message = {
            "message_id": self.next_id,
            "from": {"id": sender, "is_bot": False, "first_name": "Ann"},
            "chat": {"id": sender, "type": "private"},
            "date": int(utc_now().timestamp() if at is None else at),
            "text": text,
        }
        return self.post({"message": message | changed})

    def post(self, update: dict[str, Any]) -> int:
        with self.changed:
            number = self.next_id
            self.next_id += 1
            self.waiting.append({"update_id": number} | update)
            self.changed.notify_all()
        return number

    def replies(self, count: int, seconds: float = 10.0) -> list[str]:
        """Texts that were said, once there are as many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.sent) >= count, seconds), self.sent
        return [text for _, text in self.sent]

    def polled(self, times: int = 1, seconds: float = 20.0) -> None:
        """Wait until a bot asks for updates so often from now on, or did so once before."""
        with self.changed:
            least = len(self.asked) + times if times > 1 else 1
            assert self.changed.wait_for(lambda: len(self.asked) >= least, seconds)

    def confirmed(self, seconds: float = 10.0) -> None:
        """Wait until nothing waits any more."""
        with self.changed:
            assert self.changed.wait_for(lambda: not self.waiting, seconds), self.waiting

    def answer(self, path: str, asked: dict[str, Any]) -> Scripted:
        token, _, method = path.removeprefix("/bot").partition("/")
        if token != self.token:
            return refusal(401, "Unauthorized")
        if self.scripts.get(method):
            return self.scripts[method].popleft()
        return {"getUpdates": self._updates, "sendMessage": self._send}[method](asked)

    def _updates(self, asked: dict[str, Any]) -> Scripted:
        with self.changed:
            self.asked.append(asked)
            self.poller += 1
            mine = self.poller
            self.changed.notify_all()
            if "offset" in asked:
                self.waiting = [one for one in self.waiting if one["update_id"] >= asked["offset"]]
                self.changed.notify_all()

            def due() -> list[dict[str, Any]]:
                return [one for one in self.waiting if one["update_id"] >= asked.get("offset", 0)]

            self.changed.wait_for(lambda: bool(due()) or self.poller != mine, asked["timeout"])
            if self.poller != mine:
                return refusal(409, _CONFLICT)
            return _good(due()[:100])

    def _send(self, asked: dict[str, Any]) -> Scripted:
        text, chat = asked["text"], asked["chat_id"]
        if not text.strip():
            return refusal(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            return refusal(400, "Bad Request: message is too long")
        if chat in self.blocked:
            return refusal(403, "Forbidden: bot was blocked by the user")
        with self.changed:
            self.sent.append((chat, text))
            self.sent_at.append(utc_now().timestamp())
            self.changed.notify_all()
        return _good({"message_id": len(self.sent), "chat": {"id": chat}, "text": text})


def _good(result: Any) -> Scripted:
    return Scripted(200, json.dumps({"ok": True, "result": result}).encode())


@contextmanager
def fake_telegram() -> Iterator[FakeTelegram]:
    found = FakeTelegram()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, body = found.answer(self.path, asked)
            if body is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                """Who asked is gone."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join(10)
