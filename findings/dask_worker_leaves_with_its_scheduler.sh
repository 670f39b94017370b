#!/bin/sh
# One would guess: `dask worker` with its nanny, which is there to start a worker again, outlives a scheduler that is
# started again at the same address (a new version, a node that moved), and joins it. And should it give up, its exit
# code tells that something went wrong.
# What happens (distributed 2026.8.0): worker and nanny end when the connection to the scheduler breaks, also where the
# new scheduler has been listening within the second; and they end with exit code 0.
# Why it matters: a service that is restarted "on failure" (systemd's Restart=on-failure, compose's restart: on-failure,
# a Kubernetes Job) stays down after a clean exit. A cluster whose scheduler was rolled out then has no worker, no process
# says that it failed, and searches wait. Workers need a policy that restarts them always.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check -qq install distributed==2026.8.0 2>/dev/null
cat >"$folder/seen.py" <<'END'
import socket
import subprocess
import sys
import time

from distributed import Client

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
address = f"tcp://127.0.0.1:{port}"
local = ("--host", "127.0.0.1", "--no-dashboard")


def start(*command):
    return subprocess.Popen((sys.executable, "-m", "dask", *command, *local), stderr=subprocess.DEVNULL)


def workers_within(seconds):
    with Client(address, timeout=60) as client:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not client.scheduler_info(n_workers=-1)["workers"]:
            time.sleep(0.2)
        return len(client.scheduler_info(n_workers=-1)["workers"])


scheduler = start("scheduler", "--port", str(port))
worker = start("worker", address, "--nthreads", "1", "--nanny")
try:
    print("workers of the first scheduler:", workers_within(60))
    scheduler.terminate()
    scheduler.wait()
    scheduler = start("scheduler", "--port", str(port))
    print("exit code of the worker with its nanny:", worker.wait(120))
    print("workers of the second scheduler:", workers_within(5))
finally:
    for process in (worker, scheduler):
        process.terminate()
END
seen=$("$folder/venv/bin/python" "$folder/seen.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "workers of the first scheduler: 1
exit code of the worker with its nanny: 0
workers of the second scheduler: 0" ]
