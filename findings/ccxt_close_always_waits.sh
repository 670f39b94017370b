#!/bin/sh
# One would guess: closing an asynchronous ccxt client takes no time when its sessions are closed, all the less over
# plain http, where there is no TLS to shut down.
# What happens (ccxt 4.5.90): `close()` always ends with a sleep of `timeout_on_exit`, 250 ms by default, also for a
# client that never opened a connection. The attribute is undocumented; setting it to 0 takes the wait away.
# Why it matters: a program that opens a client for each of many short tasks, or a test suite that speaks to a local
# venue, waits a quarter of a second each time. Against a real exchange the wait is what keeps aiohttp from warning of
# connections that are not yet shut down, so it should only go where TLS isn't spoken.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install ccxt==4.5.90 2>/dev/null
cat >"$folder/seen.py" <<'END'
import asyncio
import time

import ccxt.async_support as ccxt


async def seconds_to_close(wait=None):
    client = ccxt.binanceusdm()
    if wait is not None:
        client.timeout_on_exit = wait
    started = time.perf_counter()
    await client.close()
    return time.perf_counter() - started


print("closing an unused client waits a quarter of a second:", asyncio.run(seconds_to_close()) >= 0.24)
print("with timeout_on_exit = 0 it does not:", asyncio.run(seconds_to_close(0)) < 0.1)
END
seen=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "closing an unused client waits a quarter of a second: True
with timeout_on_exit = 0 it does not: True" ]
