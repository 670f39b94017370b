"""The real ccxt client, pointed at the exchange itself or at a simulated venue."""

import re
import ssl
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.errors import ConfigurationError
from quant_pipelines.core.settings import ExchangeSettings
from quant_pipelines.exchange.dialects import dialect_of
from quant_pipelines.exchange.lean_ccxt import exchange_class

OpenSession: TypeAlias = Callable[[], Any]
"""Opens what requests and streams go through: an ``aiohttp.ClientSession``, or what behaves like one.

Called in the loop, before the first request; the client closes it. None: ccxt's own.
"""

_TIMEOUT_MS = 10_000
_Parent: Any = object  # one of ccxt's classes, which are imported late
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ORIGIN = re.compile(r"^(?P<scheme>https?|wss?)://[^/]+")


def connect(
    settings: ExchangeSettings, clock: Clock = system_clock_ms, open_session: OpenSession | None = None
) -> Any:
    """Build the ccxt pro client of the exchange; nothing is sent yet.

    Its own limiter is off (it costs 200 ms an order): ``budget`` keeps to the exchange's limits instead. Raw
    stream messages are handed to each function in ``client.raw_taps`` before ccxt sees them, for ccxt's
    ``watch_*`` lose wake-ups. Requests are stamped by the clock.

    Raises
    ------
    ConfigurationError
        If the exchange is not supported, ``base_url`` is not an http address, or ``ca_file`` can't be used.
    """
    dialect = dialect_of(settings.id)
    client = _client_class(settings.id)(
        {
            "enableRateLimit": False,
            "timeout": _TIMEOUT_MS,
            "options": {"fetchCurrencies": False, **dialect.options},
        }
    )
    client.wall_clock, client.open_session = clock, open_session
    client.has["fetchCurrencies"] = False  # some ask for them although the option says no
    if settings.base_url:
        _redirect(client, settings.base_url)
    if settings.ca_file:
        client.cafile = _authority(settings)
    return client


def _authority(settings: ExchangeSettings) -> str:
    """File of the authority that a simulated venue's certificate is checked against; no exchange's is."""
    shown = f"exchange.ca_file is {settings.ca_file!r}"
    if not (settings.base_url or "").startswith("https://"):
        raise ConfigurationError(f"{shown}; expected it beside an https address in exchange.base_url only")
    try:
        ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # also what is no certificate
        raise ConfigurationError(f"{shown}; expected a PEM file of certificates: {error}") from error
    return settings.ca_file


def _client_class(exchange: str) -> Any:
    parent = exchange_class(exchange)
    speaks_binance = any(one.__name__ == "binance" for one in parent.__mro__)
    return type("Client", (_Tapped, parent), {"speaks_binance": speaks_binance})


class _Tapped(_Parent):  # type: ignore[misc]
    """What we add to a client of ccxt: a tap on raw messages, raw bars, errors that survive redirection."""

    session: Any  # ccxt's
    last_response_headers: Any

    def __init__(self, config: dict[str, Any]) -> None:
        self.raw_taps: list[Callable[[Any], Any]] = []
        self.origin_of_path: dict[str, str] = {}
        self.published_limit: int | None = None  # request weight a minute
        self.wall_clock: Clock = system_clock_ms
        self.open_session: OpenSession | None = None
        self.ahead_ms = 0  # of our clock: some exchanges' modules cut pages at their own now
        super().__init__(config)

    def open(self, lazy: Any = False) -> None:
        is_over = lazy and self.closed_by_user  # what was asked before the end opens nothing behind it
        if self.session is None and self.open_session is not None and not is_over:
            self.session = self.open_session()
        super().open(lazy)

    def handle_message(self, client: Any, message: Any) -> Any:
        # A tap that answers True has taken the message: ccxt's parsing of it is spared.
        taken = [tap(message) for tap in self.raw_taps]
        return None if any(taken) else super().handle_message(client, message)

    def milliseconds(self) -> int:
        return self.wall_clock() + self.ahead_ms

    def seconds(self) -> int:
        return self.milliseconds() // 1000

    async def fetch(self, *arguments: Any, **named: Any) -> Any:
        from ccxt.base.errors import BadResponse  # noqa: PLC0415 - imported with the client

        self.last_response_headers = None  # an answer that is lost leaves those of another one behind
        # ccxt hands on a cut or empty body as text, of which its parsers make empty lists.
        answer = await super().fetch(*arguments, **named)
        if not isinstance(answer, (dict, list)):
            raise BadResponse(f"{self.id} answered with a body that is not JSON: {str(answer)[:80]!r}")
        if isinstance(answer, dict) and "rateLimits" in answer:
            self.published_limit = _weight_limit(answer["rateLimits"])
        return answer

    def take_headers(self) -> Mapping[str, str]:
        """Headers of the newest answer, once; none where they were taken, or no answer has come."""
        headers, self.last_response_headers = self.last_response_headers, None
        return headers or {}

    def parse_ohlcvs(self, ohlcvs: Any, *_arguments: Any, **_named: Any) -> Any:
        # Raw, for ccxt leaves out quote volume and trades, and a row costs it 10 µs.
        return ohlcvs

    def get_exceptions_by_url(self, url: str, key: str) -> Any:
        # ccxt picks Binance's futures error table by the production host; without this 25 of 61 codes
        # would change their class at a simulated venue.
        return super().get_exceptions_by_url(production_url(url, self.origin_of_path), key)


def _weight_limit(limits: Any) -> int | None:
    """Request weight a minute of Binance's list of limits."""
    for limit in limits if isinstance(limits, list) else []:
        if limit.get("rateLimitType") == "REQUEST_WEIGHT" and limit.get("interval") == "MINUTE":
            return int(limit["limit"]) // int(limit["intervalNum"])
    return None


def production_url(url: str, origin_of_path: dict[str, str]) -> str:
    """URL that a redirected one stands for.

    Parameters
    ----------
    url
        Address that was called.
    origin_of_path
        Scheme and host of production by the path prefix that they serve; empty when nothing is redirected.
    """
    path = urlsplit(url or "").path
    for prefix in sorted(origin_of_path, key=len, reverse=True):
        if path.startswith(prefix):
            return origin_of_path[prefix] + path
    return url


def _redirect(client: Any, base_url: str) -> None:
    target = urlsplit(base_url)
    if target.scheme not in ("http", "https") or not target.netloc:
        raise ConfigurationError(
            f"exchange.base_url is {base_url!r}; expected an address such as http://127.0.0.1:8123"
        )
    origins: dict[str, str] = {}

    def redirected(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: redirected(one) for key, one in value.items()}
        match = _ORIGIN.match(value) if isinstance(value, str) else None
        if match is None:
            return value
        path = value[match.end() :]
        is_stream = match["scheme"].startswith("ws")
        if path and not is_stream:
            origins[path] = match[0]
        secure = "s" if target.scheme == "https" else ""
        return f"{'ws' if is_stream else 'http'}{secure}://{target.netloc}{path}"

    client.urls["api"] = redirected(client.urls["api"])
    client.origin_of_path = origins
    if target.scheme == "http":
        client.timeout_on_exit = 0  # ccxt waits for the end of TLS, which is not spoken there
        client.ssl_context = _TRUSTS_NOBODY  # ccxt reads 150 authorities for each client, which takes 30 ms
