"""The real ccxt client, pointed at the exchange itself or at a simulated venue."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from quant_pipelines.core.errors import ConfigurationError, unknown_name
from quant_pipelines.core.settings import ExchangeSettings

SUPPORTED = ("binanceusdm",)
_TIMEOUT_MS = 10_000
_ORIGIN = re.compile(r"^(?P<scheme>https?|wss?)://[^/]+")


def connect(settings: ExchangeSettings) -> Any:
    """Build the ccxt pro client of the exchange; nothing is sent yet.

    Its own limiter is off (it costs 200 ms an order): ``budget`` keeps to the exchange's limits instead. Raw
    stream messages are handed to each function in ``client.raw_taps`` before ccxt sees them, for ccxt's
    ``watch_*`` lose wake-ups.

    Raises
    ------
    ConfigurationError
        If the exchange is not supported, or ``base_url`` is not an http address.
    """
    if settings.id not in SUPPORTED:
        raise ConfigurationError(unknown_name("exchange id", settings.id, SUPPORTED))
    client = _client_class()(
        {
            "enableRateLimit": False,
            "timeout": _TIMEOUT_MS,
            "options": {"fetchCurrencies": False, "defaultType": "swap"},
        }
    )
    if settings.base_url:
        _redirect(client, settings.base_url)
    return client


def _client_class() -> Any:
    import ccxt.pro  # noqa: PLC0415 - costs more than a second; the code server and `quant --help` do without

    class Client(ccxt.pro.binanceusdm):  # type: ignore[misc, unused-ignore]
        """Binance USDⓈ-M with a tap on raw messages and an error table that survives redirection."""

        def __init__(self, config: dict[str, Any]) -> None:
            self.raw_taps: list[Callable[[Any], None]] = []
            self.origin_of_path: dict[str, str] = {}
            super().__init__(config)

        def handle_message(self, client: Any, message: Any) -> Any:
            for tap in self.raw_taps:
                tap(message)
            return super().handle_message(client, message)

        def get_exceptions_by_url(self, url: str, key: str) -> Any:
            # ccxt picks Binance's futures error table by the production host; without this 25 of 61 codes
            # would change their class at a simulated venue.
            return super().get_exceptions_by_url(production_url(url, self.origin_of_path), key)

    return Client


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
