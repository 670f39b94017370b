"""The server itself: Model Context Protocol over standard input and output, an optional extra."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from quant_pipelines.assistants.backtest_tool import BACKTEST_SCHEMA, run_backtest
from quant_pipelines.assistants.gateway_reader import GatewayReader
from quant_pipelines.assistants.reading_tools import ReadingTool, reading_tools
from quant_pipelines.core.errors import QuantError

Scope: TypeAlias = Literal["read", "backtest"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
"""There is none that trades, approves or changes a setting: people do that, by name and code."""
_BACKTEST = "backtest"
_READS = {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False}
_STORES = {**_READS, "readOnlyHint": False}


class AssistantDesk(NamedTuple):
    """What the server works with.

    Parameters
    ----------
    reader
        Open connection to the gateway.
    home
        Folder of the stack.
    scopes
        What is allowed.
    """

    reader: GatewayReader
    home: Path
    scopes: frozenset[Scope]


class Tools:
    """Lists tools and calls them.

    Parameters
    ----------
    desk
        What it works with.
    """

    def __init__(self, desk: AssistantDesk) -> None:
        self._desk = desk
        self._reading: dict[str, ReadingTool] = {}

    async def listed(self, context: Any, asked: Any) -> types.ListToolsResult:
        """Every tool of the scopes; the gateway is asked what it can answer."""
        read = (await self._read()).values()
        found = [_tool(one.name, one.description, one.schema, _READS) for one in read]
        if "backtest" in self._desk.scopes:
            told = (
                "Backtest a strategy of the library on stored bars; its result is stored, nothing is traded."
            )
            found.append(_tool(_BACKTEST, told, BACKTEST_SCHEMA, _STORES))
        return types.ListToolsResult(tools=found)

    async def called(self, context: Any, asked: types.CallToolRequestParams) -> types.CallToolResult:
        """Answer of a tool; a refusal is a sentence that the assistant reads."""
        try:
            text = await self._answer(asked.name, asked.arguments or {})
        except QuantError as error:
            return _result(str(error), is_error=True)
        return _result(text)

    async def _read(self) -> dict[str, ReadingTool]:
        if "read" in self._desk.scopes and not self._reading:
            self._reading = {one.name: one for one in reading_tools(await self._desk.reader.document())}
        return self._reading

    async def _answer(self, name: str, arguments: Mapping[str, Any]) -> str:
        if name == _BACKTEST and "backtest" in self._desk.scopes:
            return await run_backtest(arguments, self._desk.home)
        tool = (await self._read()).get(name)
        if tool is None:
            raise QuantError(f"there is no tool {name!r} here; expected one that is listed")
        return await self._desk.reader.ask(tool.target(arguments))


def _tool(name: str, description: str, schema: dict[str, Any], hints: dict[str, bool]) -> types.Tool:
    about = {"name": name, "description": description, "inputSchema": schema, "annotations": hints}
    return types.Tool.model_validate(about)


def _result(text: str, *, is_error: bool = False) -> types.CallToolResult:
    content = [{"type": "text", "text": text}]
    return types.CallToolResult.model_validate({"content": content, "isError": is_error})


async def serve(
    reader: AbstractAsyncContextManager[GatewayReader], home: Path, scopes: frozenset[Scope], version: str
) -> None:
    """Serve one assistant on standard input and output, until it hangs up."""
    async with reader as opened, stdio_server() as (read, write):
        tools = Tools(AssistantDesk(opened, home, scopes))
        server: Server[Any] = Server(
            "quant-pipelines", version=version, on_list_tools=tools.listed, on_call_tool=tools.called
        )
        await server.run(read, write, server.create_initialization_options())
