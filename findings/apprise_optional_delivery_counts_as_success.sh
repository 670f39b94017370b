#!/bin/sh
# One would guess: what `Apprise.notify()` answers is true only if a service took the message; a service that answers 500
# makes it false.
# What happens (apprise 2.3.0): the answer is an object, not a bool (`is False` never holds). With `optional=yes` in a
# service's URL it is true although the only service refused; which one failed stands in `results[].attempts[].status`.
# Why it matters: whoever sends alerts of a trading system and asks `if apprise.notify(...)` takes an alert for delivered
# that nobody got. Count attempts instead.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install apprise==2.3.0 2>/dev/null
cat >"$folder/seen.py" <<'END'
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from apprise import Apprise


class Refusing(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(500)
        self.end_headers()

    def log_message(self, *_):
        pass


logging.disable(logging.CRITICAL)
server = HTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
for options in ("", "?optional=yes"):
    post = Apprise()
    post.add(f"json://127.0.0.1:{server.server_port}/{options}")
    result = post.notify(title="halt", body="daily loss")
    tried = [attempt.status.name for one in result.results for attempt in one.attempts]
    print(options or "plain", "is true:", bool(result), "is a bool:", isinstance(result, bool), "attempts:", *tried)
END
seen=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "plain is true: False is a bool: False attempts: FAILURE
?optional=yes is true: True is a bool: False attempts: FAILURE" ]
