"""What the doctor says of the confined process is tried inside of one, by tries that fail elsewhere."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quant_pipelines.operations.doctor import Diagnosis, _protection
from quant_pipelines.sandbox.proof import _TRIES, ProvenProtection, prove

CALLER = """
import time
from quant_pipelines.sandbox.host import SandboxHost
from quant_pipelines.sdk.scaffold import scaffold
host = SandboxHost()
host.load("my_idea", scaffold("my_idea"))
print(host.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's filters are Linux's")
def test_every_protection_holds_where_the_kernel_offers_it(tmp_path: Path) -> None:
    secret = tmp_path / "keys"
    secret.write_text("secret")
    proven = prove(secret, 2048)
    assert [one.name for one in proven] == list(_TRIES)
    assert [one for one in proven if one.found and not one.lacking] == []


def test_tries_succeed_in_a_process_that_is_not_confined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUANT_API_KEY", "secret")
    secret = tmp_path / "keys"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = {"port": server.getsockname()[1], "secret": str(secret)}
        asked = place | {"runner": os.getpid(), "megabytes": 1}
        names = ("descriptors", "network", "reading", "writing", "signals", "memory")
        assert all(_TRIES[name](asked) for name in names)
        assert "QUANT_API_KEY" in _TRIES["environment"](asked)


def test_what_the_kernel_does_not_offer_is_said_and_what_leaks_is_a_fault() -> None:
    lacking = ProvenProtection("reading", "opens a file of the home", "the kernel has no Landlock")
    told = "reading: does not hold here: it opens a file of the home"
    assert _protection(lacking) == Diagnosis("sandbox", True, f"{told}; the kernel has no Landlock")
    leaking = _protection(lacking._replace(lacking=""))
    assert (leaking.passed, leaking.detail) == (False, told)
    assert _protection(ProvenProtection("network", "", "")) == Diagnosis("sandbox", True, "network: holds")


@pytest.mark.skipif(sys.platform != "linux", reason="looks the process up in /proc")
def test_process_ends_with_a_caller_that_is_killed() -> None:
    command = (sys.executable, "-c", CALLER)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        pid = int(caller.stdout.readline())
        assert is_worker(pid)
        caller.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20.0
    while is_worker(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_worker(pid)


def is_worker(pid: int) -> bool:
    try:
        return "quant_pipelines.sandbox.worker" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False
