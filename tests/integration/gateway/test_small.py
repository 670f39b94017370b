"""The gateway's process is small: it loads its verbs, answers every read, and compiles and plots nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.postgres

SCRIPT = """
import json, re, sys
from pathlib import Path
from starlette.routing import Route
from starlette.testclient import TestClient
import quant_pipelines.gateway.__main__ as process
from quant_pipelines.core.settings import Settings

url, home = sys.argv[1:]
process.prepare_verbs()
store = process.KeyStore(process.connect(url), Path(home), {})
services = process.Services(store, Settings(), process.DagsterRuns(""))
application = process.build_application(services, (process.console_router(),))
client = TestClient(process.served(application), base_url="http://127.0.0.1", client=("127.0.0.1", 50_000))
answer = client.post("/api/v1/session", json={"operator": "ann"})
assert answer.status_code == 200, answer.text
paths = sorted(client.get("/api/v1/openapi.json").json()["paths"].items())
reads = [path for path, methods in paths if "get" in methods]
pages = ["", "/strategies", "/lab", "/capital", "/risk", "/hot", "/audit"]
answers = {}
for path in [*reads, *(f"/console{page}" for page in pages)]:
    filled = re.sub(r"{[^}]*}", "1", path)
    answers[path] = client.get(filled).status_code
packages = ("dagster", "numba", "pandas", "plotly", "scipy", "ccxt")
print(json.dumps({"answers": answers, "loaded": [one for one in packages if one in sys.modules]}))
"""


def test_a_gateway_that_has_answered_every_read_has_loaded_nothing_that_compiles_or_plots(
    database_url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-P", "-c", SCRIPT, database_url, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["loaded"] == []
    assert len(told["answers"]) > 20
    assert [path for path, status in told["answers"].items() if status >= 500] == []
    assert sum(status == 200 for status in told["answers"].values()) > 15, told["answers"]
