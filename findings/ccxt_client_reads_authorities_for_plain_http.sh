#!/bin/sh
# One would guess: a client of ccxt whose only address is http:// needs no certificate authorities, and many clients in
# one process (an account each) share one set of them.
# What happens (ccxt 4.5.90, async_support): opening a client builds a TLS context of its own out of all of certifi's
# authorities, whatever its address is. A second client builds another one.
# Why it matters: a context takes some 27 ms of CPU and is kept for the life of the client. A test, a simulator or a
# paper account that opens a client each time pays more for authorities that it never asks than for its requests. A
# context that was given beforehand is kept, so one can be shared.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install ccxt==4.5.90 2>/dev/null
cat >"$folder/seen.py" <<'END'
import asyncio
import ssl

import ccxt.async_support as ccxt


async def opened(given=None):
    client = ccxt.binanceusdm()
    client.urls["api"] = {name: "http://127.0.0.1:9" for name in client.urls["api"]}
    if given is not None:
        client.ssl_context = given
    client.open()
    context = client.ssl_context
    await client.close()
    return context


async def seen():
    one, other = await opened(), await opened()
    print("authorities read for http:", len(one.get_ca_certs()) > 50)
    print("two clients share a context:", one is other)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    print("a given context is kept:", await opened(own) is own)


asyncio.run(seen())
END
found=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
expected="authorities read for http: True
two clients share a context: False
a given context is kept: True"
echo "$found"
[ "$found" = "$expected" ]
