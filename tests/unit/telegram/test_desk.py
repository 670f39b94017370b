"""What the desk says of an answer that tells neither of a deed nor of a refusal."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from quant_pipelines.telegram.desk import Operator, TelegramDesk
from quant_pipelines.telegram.gateway_desk import GatewayDesk

ANN = Operator(7, "ann")
AWAY = "the database does not answer; expected one that does: try again soon"


@contextmanager
def gateway(status: int) -> Iterator[str]:
    """A gateway that lets everybody in, and answers every act with an error."""
    let_in = {"/api/v1/session": {"role": "admin", "csrf_token": "c"}, "/api/v1/tokens": {"token": "t"}}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            found: Any = let_in.get(self.path)
            body = json.dumps(found or {"status": status, "error": AWAY}).encode()
            self.send_response(200 if found else status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_DELETE(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(10)


async def confirmed(address: str) -> str:
    async with GatewayDesk(address, 60) as opened:
        desk = TelegramDesk(opened, 60, 60, lambda: 0)
        await desk.answer(ANN, "/login 123456")
        prompt = await desk.answer(ANN, "/flatten")
        return await desk.answer(ANN, f"/confirm {prompt[-4:]}")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (503, f"{AWAY}; it is not known whether that was done: ask /status"),
        (409, f"refused, nothing was done: {AWAY}"),
    ],
)
def test_an_act_whose_commit_may_have_broken_is_not_said_to_be_undone(status: int, said: str) -> None:
    with gateway(status) as address:
        assert asyncio.run(confirmed(address)) == said
