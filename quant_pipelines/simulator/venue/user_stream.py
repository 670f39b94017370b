"""The user's stream: listen keys that die when nobody keeps them alive, and who listens under them."""

import secrets

import orjson

from quant_pipelines.core.clock import Clock
from quant_pipelines.simulator.connections import Connections
from quant_pipelines.simulator.venue.ledger import Message
from quant_pipelines.simulator.venue.refusals import refusal

KEY_LIFE_MS = 60 * 60_000


class UserStream:
    """Listen keys and connections.

    Parameters
    ----------
    clock
        The venue's time.
    connections
        Who listens.
    """

    def __init__(self, clock: Clock, connections: Connections) -> None:
        self._clock = clock
        self._keys: dict[str, tuple[str, int]] = {}
        self._connections = connections
        connections.rules.append(self._why_silent)

    def open_key(self, api_key: str) -> str:
        """Return the listen key of an API key, made when there is none, alive for another hour."""
        self.expire()
        key = self._keys[api_key][0] if api_key in self._keys else secrets.token_urlsafe(48)
        self._keys[api_key] = (key, self._clock() + KEY_LIFE_MS)
        return key

    def keep_key(self, api_key: str) -> str:
        """Keep a listen key alive for another hour.

        Raises
        ------
        VenueError
            -1125 if there is none.
        """
        self.expire()
        if api_key not in self._keys:
            raise refusal("listen_key")
        return self.open_key(api_key)

    def close_key(self, api_key: str) -> None:
        """Forget a listen key and end its connections."""
        key, _ = self._keys.pop(api_key, ("", 0))
        self._connections.end(key)

    def expire(self) -> None:
        """Say good-bye under keys that nobody kept alive."""
        now = self._clock()
        for api_key, (key, until_ms) in list(self._keys.items()):
            if now >= until_ms:
                del self._keys[api_key]
                farewell = {"e": "listenKeyExpired", "E": now, "listenKey": key}
                self._connections.publish(key, orjson.dumps(farewell))
                self._connections.end(key)

    def publish(self, message: Message) -> None:
        """Send a message to everybody who listens."""
        payload = orjson.dumps(message)
        for key, _ in self._keys.values():
            self._connections.publish(key, payload)

    def _why_silent(self, key: str) -> str | None:
        self.expire()
        return "" if key in {known for known, _ in self._keys.values()} else None
