"""Pages from templates: everything that is put in is escaped, and each answer carries the policy."""

import hashlib
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from quant_pipelines.core.clock import clock_time
from quant_pipelines.core.timeframes import timeframe_ms
from quant_pipelines.gateway.console import figures
from quant_pipelines.gateway.console.freshness import age_of
from quant_pipelines.gateway.cookies import csrf_of
from quant_pipelines.gateway.services import services_of
from quant_pipelines.reports import numbers

Answer = TypeVar("Answer", bound=Response)
_YEAR_SECONDS: Final = 31_536_000
FOLDER: Final = Path(__file__).parent
POLICY: Final = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
STATIC: Final = {
    path.name: path
    for path in (
        *(FOLDER / name for name in ("console.css", "console.js", "console.svg")),
        *(Path(numbers.__file__).parent / name for name in ("chart.css", "chart.js")),
    )
}
"""Files that pages link, by name: the console's own, and what charts of reports and console share."""


def html_page(
    request: Request, template: str, values: dict[str, Any], status_code: int = 200
) -> HTMLResponse:
    """Render a template for whoever asks.

    Parameters
    ----------
    request
        Asked by whom, and where the application stands.
    template
        Name of a file of this package.
    values
        What it shows.
    status_code
        Of the answer.
    """
    now = clock_time(services_of(request).clock)
    person = getattr(request.state, "person", None)
    places: dict[tuple[Any, ...], str] = {}  # to find a route takes longer than to write a row

    def asof(at: datetime | None, source: str, timeframe: str = "") -> Markup:
        return _asof(at, source, now, timeframe)

    def link(page: str, /, **path: Any) -> str:
        query = path.pop("query", "")
        key = (page, *path.values())
        place = places[key] = places.get(key) or request.url_for(page, **path).path
        return f"{place}?{query}" if query else place

    shared = {
        "person": person,
        "csrf": csrf_of(person.token) if person and person.token else "",
        "asof": asof,
        "link": link,
        "file": lambda name: f"{link('console_file', name=name)}?v={digest_of(name)}",
        "here": request.url.path,
        "now": now,
        "banner": "",
        "done": None,
        "run": "",
    }
    text = environment().get_template(template).render(shared | values)
    return secured(HTMLResponse(text, status_code))


def secured(response: Answer) -> Answer:
    """Put the policy on an answer, and let forms say where they come from: without, their origin is null."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@cache
def environment() -> Environment:
    """Templates with how numbers are written; a name that is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        money=lambda value: numbers.money(_float(value)),
        percent=lambda value, digits=2: numbers.percent(_float(value), digits),
        plain=lambda value, digits=6: numbers.plain(_float(value), digits),
        words=numbers.words,
        tone=_tone,
        short=lambda text: str(text or numbers.NOTHING)[:8],
        moment=_moment,
        said=_said,
    )
    made.globals.update(sparkline=figures.sparkline, nothing=numbers.NOTHING)
    return made


@cache
def digest_of(name: str) -> str:
    """Name a file's content, so that a browser may keep it for good."""
    return hashlib.sha256(STATIC[name].read_bytes()).hexdigest()[:12]


def static_file(name: str) -> Response:
    """Answer with a file, to be kept for good.

    Raises
    ------
    KeyError
        If there is no such file.
    """
    path = STATIC[name]
    kept = {"Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable"}
    return secured(Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=kept))


def _asof(at: datetime | None, source: str, now: datetime, timeframe: str) -> Markup:
    step = timeframe_ms(timeframe) / 1000 if timeframe else 0.0
    age = age_of(source, at, now, step_seconds=step)
    if at is None:
        return Markup('<span class="age unknown">never</span>')
    return Markup(
        '<time class="age {}" datetime="{}" data-late="{:.0f}" data-stale="{:.0f}" title="{}">{}</time>'
    ).format(age.state, at.isoformat(), age.late, age.stale, _moment(at), _ago(age.seconds, age.state))


def _ago(seconds: float, state: str) -> str:
    told = f"{seconds:.0f} s" if seconds < 60 else numbers.duration(seconds * 1000)
    return f"{told} ago, {state}"


def _moment(at: datetime | None) -> str:
    return numbers.NOTHING if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | Decimal | str) and value != "" else None


def _tone(value: Any) -> str:
    number = _float(value) or 0.0
    return "gain" if number > 0 else "loss" if number < 0 else ""


def _said(value: Any) -> Markup:
    """Write a document in one line."""
    if isinstance(value, dict):
        return Markup(", ").join(
            Markup("{} <b>{}</b>").format(numbers.words(str(key)), _said(one)) for key, one in value.items()
        )
    if isinstance(value, list | tuple):
        return Markup(", ").join(_said(one) for one in value)
    return escape(_word(value))


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | Decimal):
        return numbers.plain(float(value))
    if isinstance(value, datetime):
        return _moment(value)
    return str(value) if value not in (None, "") else numbers.NOTHING
