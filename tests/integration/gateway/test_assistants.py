"""`quant mcp` as an assistant meets it: a real client of the protocol, a real gateway, nothing changes."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mcp import ClientSession, StdioServerParameters, stdio_client

from quant_pipelines.assistants.reading_tools import reading_tools
from quant_pipelines.core.timeframes import from_ms
from tests.integration.gateway.conftest import Gate
from tests.integration.gateway.served_gate import ServedGate

pytestmark = pytest.mark.postgres
Answer = TypeVar("Answer")


@pytest.fixture
def served(gate: Gate) -> Iterator[ServedGate]:
    """A gateway with a user, and a program's token in the environment."""
    gate.add("ann", "admin")
    desk = ServedGate(gate)
    desk.start()
    yield desk
    desk.stop()


def token(gate: Gate) -> str:
    made = gate.logged_in("ann").post(
        "/api/v1/tokens", json={"label": "assistant", "minutes": 30, "role": "viewer"}
    )
    assert made.status_code in (200, 201), made.text
    return str(made.json()["token"])


def assisted(
    desk: ServedGate,
    home: Path,
    work: Callable[[ClientSession], Awaitable[Answer]],
    *options: str,
    secret: str,
) -> Answer:
    """Let a client start the server as a process of its own, and work with it."""
    arguments = [
        "-P",
        "-m",
        "quant_pipelines.cli",
        "mcp",
        "--home",
        str(home),
        "--gateway",
        desk.address,
        *options,
    ]
    environment = {**os.environ, "QUANT_GATEWAY_TOKEN": secret}
    start = StdioServerParameters(command=sys.executable, args=arguments, env=environment)

    async def session() -> Answer:
        async with stdio_client(start) as (read, write), ClientSession(read, write) as client:
            await client.initialize()
            return await work(client)

    return asyncio.run(session())


def test_it_reads_what_a_viewer_may_and_has_no_tool_that_changes(served: ServedGate, tmp_path: Path) -> None:
    gate = served.gate
    deployment = gate.deployed()
    gate.booked(deployment, from_ms(gate.now_ms) - timedelta(minutes=1))

    async def work(client: ClientSession) -> tuple[list[Any], Any, Any, Any]:
        listed = (await client.list_tools()).tools
        curve = await client.call_tool("read_equity_deployment_id", {"deployment_id": deployment})
        nobody = await client.call_tool("read_equity_deployment_id", {"deployment_id": 999})
        wrong = await client.call_tool("read_fills", {"code": "123456"})
        return listed, curve, nobody, wrong

    listed, curve, nobody, wrong = assisted(served, tmp_path, work, secret=token(gate))
    described = gate.client().get("/api/v1/openapi.json").json()
    expected = {one.name for one in reading_tools(described)}
    assert {tool.name for tool in listed} == expected | {"backtest"}
    assert {"read_deployments", "read_positions", "read_audit_logs", "read_portfolio_plan"} <= expected
    storing = [tool.name for tool in listed if not tool.annotations.read_only_hint]
    assert storing == ["backtest"]
    assert not any(tool.annotations.destructive_hint for tool in listed)
    assert "$ref" not in json.dumps([tool.input_schema for tool in listed])
    assert not any("token" in name or "session" in name or "login" in name for name in expected)
    assert json.loads(curve.content[0].text)["rows"][0]["equity"] == 10_000.0
    assert (nobody.is_error, nobody.content[0].text[:4]) == (True, "404:")
    assert wrong.is_error
    assert wrong.content[0].text.startswith("read_fills has no argument 'code'; expected one of ")


def test_a_token_that_does_not_count_and_a_scope_that_is_not_given(
    served: ServedGate, tmp_path: Path
) -> None:
    async def ask(client: ClientSession) -> list[Any]:
        asked = {"strategy": "nobodys", "symbols": ["BTC/USDT:USDT"], "timeframe": "1h"}
        return [
            await client.call_tool("read_positions", {}),
            await client.call_tool("backtest", asked),
            await client.call_tool("promote", {}),
        ]

    reading, backtest, promote = assisted(served, tmp_path, ask, "--scopes", "read", secret="forged")  # noqa: S106
    assert reading.is_error
    assert reading.content[0].text.startswith("401:")
    for refused in (backtest, promote):
        assert refused.is_error
        assert "expected one that is listed" in refused.content[0].text


def test_a_backtest_that_is_refused_is_a_sentence(served: ServedGate, tmp_path: Path) -> None:
    async def ask(client: ClientSession) -> Any:
        asked = {"strategy": "nobodys", "symbols": ["BTC/USDT:USDT"], "timeframe": "1h"}
        return await client.call_tool("backtest", asked)

    refused = assisted(served, tmp_path, ask, "--scopes", "backtest", secret="unused")  # noqa: S106
    assert refused.is_error
    assert refused.content[0].text.startswith("quant: ")
    assert "nobodys" in refused.content[0].text
