"""What a caller is told when something can't be done: one status, one sentence, one JSON shape."""

from collections.abc import Mapping
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from quant_pipelines.core.errors import (
    ConfigurationError,
    DataError,
    ExchangeUnavailable,
    LifecycleError,
    QuantError,
    RoleTooLow,
    SecretError,
    StoreError,
    TriedTooOften,
    UnknownRow,
    Unproven,
)

STATUSES: Final[tuple[tuple[type[QuantError], int], ...]] = (
    (TriedTooOften, 429),
    (Unproven, 401),
    (RoleTooLow, 403),
    (UnknownRow, 404),
    (LifecycleError, 409),
    (ConfigurationError, 422),
    (DataError, 422),
    (SecretError, 503),
    (StoreError, 503),
    (ExchangeUnavailable, 503),
    (QuantError, 409),
)
"""The first kind that fits decides."""
_PAUSE_SECONDS: Final = {429: "60", 503: "5"}


class Problem(BaseModel):
    """Why a request was not carried out."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "status": 409,
                "error": "deployment:3 is halted already: halted by ann: the feed is late",
                "request_id": "0f8fad5bd9cb469f",
            }
        }
    )
    status: int
    error: str
    request_id: str


class Refused(Exception):
    """A request that is not carried out; carries its status and its sentence."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code = status
        self.sentence = sentence
        self.headers = dict(headers or {})


def status_of(error: QuantError) -> int:
    """Status of an error of our own."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def problem(
    request_id: str, status_code: int, sentence: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Answer that says why a request was not carried out."""
    body = {"status": status_code, "error": sentence, "request_id": request_id}
    told = dict(headers or {})
    if status_code in _PAUSE_SECONDS:
        told.setdefault("Retry-After", _PAUSE_SECONDS[status_code])
    if status_code == 401:
        told.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse(body, status_code, told)


def request_id_of(request: Request) -> str:
    """Id of a request, as its answer's header and the log have it."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def tell_problems(application: FastAPI) -> None:
    """Have every error answered in the one shape."""

    @application.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return problem(request_id_of(request), error.code, error.sentence, error.headers)

    @application.exception_handler(QuantError)
    async def failed(request: Request, error: QuantError) -> JSONResponse:
        return problem(request_id_of(request), status_of(error), sentence_of(error))

    @application.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(request_id_of(request), 422, fault_of(error))

    @application.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400:  # FastAPI's own, for bytes that are no text
            return problem(request_id_of(request), 422, "body can't be read; expected JSON in UTF-8")
        return problem(request_id_of(request), error.status_code, str(error.detail), error.headers)


def sentence_of(error: QuantError) -> str:
    """Word what a caller is told; of a database that is away neither the address nor the server's words.

    Nor where the master key is: also who is not let in is told.
    """
    if isinstance(error, StoreError):
        return "the database does not answer; expected one that does: try again soon"
    if isinstance(error, SecretError):
        return "what is sealed does not open here; expected a usable master key: see quant doctor"
    return str(error)


def fault_of(error: RequestValidationError) -> str:
    """Word the first of the values that are malformed."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "body"
    given = first.get("input")
    shown = "" if isinstance(given, dict | list) or first["type"] == "missing" else f" {given!r:.80}"
    return f"{place}{shown}: {first['msg'][:1].lower()}{first['msg'][1:]}"
