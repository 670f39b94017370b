"""Who asks, and whether the request is signed and fresh: the exchange's three checks in its order."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from quant_pipelines.simulator.queries import Query, VenueError
from quant_pipelines.simulator.venue.refusals import refusal

DEMO_KEYS: Mapping[str, str] = {"demo": "demo"}
"""Secret by API key when nobody configures any; play money needs no more."""

_USUAL_WINDOW_MS, _WIDEST_WINDOW_MS = 5000, 60_000
_MOST_AHEAD_MS = 1000
_SIGNATURE = "signature="


class Credentials:
    """Keys that the venue knows; all of them open the same account.

    Parameters
    ----------
    keys
        Secret by API key.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = dict(keys)

    def check_key(self, api_key: str | None) -> str:
        """Return the API key if the venue knows it.

        Raises
        ------
        VenueError
            -2014 without a key, -2015 with an unknown one.
        """
        if not api_key:
            raise VenueError(-2014, "API-key format invalid.", 401)
        if api_key not in self._keys:
            raise refusal("api_key")
        return api_key

    def signed_query(self, api_key: str | None, *texts: str, now_ms: int) -> Query:
        """Return the parameters of a signed request.

        Parameters
        ----------
        api_key
            Value of the header ``X-MBX-APIKEY``.
        *texts
            Query string and body; the signature is the last parameter and covers everything before it.
        now_ms
            The venue's time.

        Raises
        ------
        VenueError
            If key, signature or time are not accepted.
        """
        api_key = self.check_key(api_key)
        self._check_signature(api_key, *_split("".join(texts)))
        query = Query(dict(pair for text in texts for pair in parse_qsl(text, keep_blank_values=True)))
        _check_time(query, now_ms)
        return query

    def signed_params(self, params: Mapping[str, str], *, now_ms: int) -> Query:
        """Return the parameters of a signed request of the WebSocket API.

        Parameters
        ----------
        params
            Parameters with ``apiKey`` and ``signature``; the signature covers the others, by name.
        now_ms
            The venue's time.

        Raises
        ------
        VenueError
            If key, signature or time are not accepted.
        """
        api_key = self.check_key(params.get("apiKey"))
        if not params.get("signature"):
            raise refusal("mandatory", "signature")
        signed = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
        self._check_signature(api_key, signed, params["signature"])
        query = Query(params)
        _check_time(query, now_ms)
        return query

    def _check_signature(self, api_key: str, signed: str, signature: str) -> None:
        text, given = (part.encode("utf-8", "replace") for part in (signed, signature))
        expected = hmac.new(self._keys[api_key].encode(), text, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), given):
            raise refusal("signature")


def _split(text: str) -> tuple[str, str]:
    """Signed text and signature."""
    signed, separator, signature = text.rpartition(_SIGNATURE)
    if not separator or not signature:
        raise refusal("mandatory", "signature")
    return signed.removesuffix("&"), signature


def _check_time(query: Query, now_ms: int) -> None:
    query.text("timestamp")
    stamp, window_ms = query.integer("timestamp", 0), query.integer("recvWindow", _USUAL_WINDOW_MS)
    if window_ms > _WIDEST_WINDOW_MS:
        raise VenueError(-1131, "recvWindow must be less than 60000.")
    if stamp >= now_ms + _MOST_AHEAD_MS:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - stamp > window_ms:
        raise refusal("time")
