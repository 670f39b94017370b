#!/bin/sh
# One would guess: when the connection ends in the middle of an answer, an asynchronous ccxt client raises a NetworkError,
# as it does for a connection that is reset or refused: whether the order was taken is then unknown.
# What happens (ccxt 4.5.90, aiohttp 3.14.5): an answer that is shorter than its Content-Length is a bare ExchangeError,
# which is neither a NetworkError nor an OperationFailed, as if the exchange had refused.
# Why it matters: a program that takes every other ExchangeError for a refusal books an order that may be filled as
# rejected, and does not look for it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install ccxt==4.5.90 aiohttp==3.14.5 2>/dev/null
cat >"$folder/seen.py" <<'END'
import asyncio

import ccxt.async_support as ccxt

HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 64\r\n\r\n{\"orderId\": 1"


async def answer(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HALF)
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = ccxt.binanceusdm({"apiKey": "k", "secret": "s", "timeout_on_exit": 0})
    client.urls["api"]["fapiPrivate"] = f"http://127.0.0.1:{port}/fapi/v1"
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
    try:
        await client.fapiPrivatePostOrder(order)
    except ccxt.BaseError as error:
        print("raised:", type(error).__name__)
        print("a network error:", isinstance(error, ccxt.NetworkError))
        print("an operation that failed:", isinstance(error, ccxt.OperationFailed))
    await client.close()
    server.close()


asyncio.run(main())
END
seen=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "raised: ExchangeError
a network error: False
an operation that failed: False" ]
