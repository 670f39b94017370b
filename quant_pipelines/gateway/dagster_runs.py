"""Starts runs of jobs by the GraphQL of Dagster's webserver, over plain HTTP."""

import json
import urllib.request
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError

from quant_pipelines.gateway.problems import Refused
from quant_pipelines.gateway.services import LaunchUnknown

_TIMEOUT_SECONDS = 10
_LAUNCH: Final = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
  }
}
"""
_LOCATION: Final = "quant_pipelines"
_AWAY: Final = "Dagster does not answer; expected its webserver: start 'quant up', or try again soon"


class DagsterRuns:
    """Runs of one webserver.

    Parameters
    ----------
    address
        Such as http://127.0.0.1:3000; empty where there is none.
    timeout_seconds
        How long an answer is waited for.
    """

    def __init__(self, address: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._address = address
        self._timeout_seconds = timeout_seconds

    def launch(self, job: str, config: dict[str, Any], tags: dict[str, str]) -> str:
        """Start a run and return its id; see `Runs`."""
        selector = {
            "repositoryLocationName": _LOCATION,
            "repositoryName": "__repository__",
            "jobName": job,
        }
        metadata = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        params = {"selector": selector, "runConfigData": config, "executionMetadata": metadata}
        try:
            answer = self._asked({"query": _LAUNCH, "variables": {"params": params}})
        except (OSError, ValueError, HTTPException) as error:
            known_by = " and ".join(f"{name}={value}" for name, value in tags.items())
            raise LaunchUnknown(
                503,
                f"Dagster did not answer whether it starts {job}; "
                f"expected a run with the tag {known_by}, or none",
            ) from error
        launched = (answer.get("data") or {}).get("launchRun") or {}
        if launched.get("__typename") != "LaunchRunSuccess":
            raise Refused(409, f"{job} was refused by Dagster: {_reason(launched, answer)}")
        return str(launched["run"]["runId"])

    def _asked(self, body: dict[str, Any]) -> dict[str, Any]:
        if not self._address:
            raise Refused(503, _AWAY)
        request = urllib.request.Request(  # noqa: S310 - the address is the stack's own
            f"{self._address}/graphql",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_seconds) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
        except HTTPError:  # somebody was there, whatever came of it
            raise
        except URLError as error:  # nobody was: nothing was sent
            raise Refused(503, _AWAY) from error
        return answer


def _reason(launched: dict[str, Any], answer: dict[str, Any]) -> str:
    faults = launched.get("errors") or answer.get("errors") or [launched]
    words = str(faults[0].get("message") or launched.get("__typename") or "it gave no reason")
    return " ".join(words.split())[:300]
