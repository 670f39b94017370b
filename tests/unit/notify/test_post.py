"""The process that posts messages answers for each parcel, whatever becomes of the others."""

import json
import subprocess
import sys
from typing import Any


def posted(*parcels: dict[str, Any]) -> dict[str, str]:
    asked = json.dumps({"timeout_seconds": 5.0, "parcels": parcels})
    command = [sys.executable, "-P", "-m", "quant_pipelines.notify.post"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {answer["channel"]: answer["error"] for answer in answers}


def test_a_service_that_breaks_takes_no_answer_from_the_others() -> None:
    broken = {"channel": "odd", "url": "json://127.0.0.1:9/", "message": {"no_such_word": "x"}}
    read = {"channel": "log", "url": "json://127.0.0.1:9/", "message": None}
    assert posted(broken, read) == {"odd": "its service broke: TypeError", "log": ""}
