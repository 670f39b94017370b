"""A connection to Redis that never costs more than one timeout: the breaker, and the session that it proves.

A session is a key that this process put into Redis. Where it is gone, Redis was restarted and has lost
what it had acknowledged.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from quant_pipelines.core.errors import ConfigurationError, StoreError

_TIMEOUT_SECONDS = 1.0
_SESSION_SECONDS = 120


class RedisLink:
    """Clients on one Redis, and whether it answers.

    Parameters
    ----------
    url
        Such as ``redis://127.0.0.1:6379/0``.

    Raises
    ------
    ConfigurationError
        If the text is not a Redis URL.
    """

    def __init__(self, url: str) -> None:
        self.address = _shown(url)
        self.client = _client(url)
        self.session_key = f"bus:session:{uuid.uuid4().hex}"
        self.is_up = False
        self._run_id = ""

    async def begin_session(self) -> None:
        """Put the session's key there, and take it from now on that Redis answers.

        Raises
        ------
        StoreError
            If it does not.
        """
        async with self.errors():
            await self.client.set(self.session_key, "1", ex=_SESSION_SECONDS)
            self._run_id = await self._server()
        self.is_up = True

    async def probe(self) -> None:
        """Prove that Redis answers and still has what it acknowledged.

        Raises
        ------
        StoreError
            If not; ``is_up`` is False from then on.
        """
        async with self.errors():
            is_kept = await self.client.expire(self.session_key, _SESSION_SECONDS)
            run_id = await self._server()
            if self.is_up and not (is_kept and run_id == self._run_id):
                self.is_up = False
                raise StoreError(f"Redis {self.address} was restarted")

    @asynccontextmanager
    async def errors(self, seconds: float = _TIMEOUT_SECONDS) -> AsyncIterator[None]:
        """Translate a Redis that does not answer in time, and remember that it did not.

        Parameters
        ----------
        seconds
            How long it has for everything in the block.

        Raises
        ------
        StoreError
            Names the address and Redis' own words.
        """
        try:
            with redis_errors(self.address):
                async with asyncio.timeout(seconds):
                    yield
        except StoreError:
            self.is_up = False
            raise

    async def close(self) -> None:
        """Free connections."""
        await self.client.aclose()

    async def _server(self) -> str:
        return str((await self.client.info("server"))["run_id"])


@contextmanager
def redis_errors(address: str) -> Iterator[None]:
    """Translate what the client raises.

    Raises
    ------
    StoreError
        Names the address and Redis' own words.
    """
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        words = " ".join(str(error).split()) or "timeout"
        raise StoreError(f"Redis {address} does not answer: {words}") from error


def redis_version(url: str) -> str:
    """Version of the Redis at an address; for a person who looks at the machine.

    Raises
    ------
    StoreError
        If it does not answer within a second.
    ConfigurationError
        If the text is not a Redis URL.
    """
    try:
        client = BlockingRedis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0, protocol=2)
    except ValueError as error:
        raise _not_a_url(url) from error
    try:
        with redis_errors(_shown(url)):
            answer: Any = client.info("server")
            return str(answer["redis_version"])
    finally:
        client.close()


def _client(url: str) -> "Redis":
    try:
        return Redis.from_url(
            url,
            # The client's own timeout sends by `asyncio.wait_for`, which before Python 3.12 loses a
            # cancellation that comes in the step in which the sending ends: the canceled task would go on for
            # ever. `RedisLink.errors` limits the time instead.
            socket_timeout=None,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),  # the breaker decides, and it never waits
            protocol=2,
        )
    except ValueError as error:
        raise _not_a_url(url) from error


def _not_a_url(url: str) -> ConfigurationError:
    return ConfigurationError(
        f"redis_url {_shown(url)!r} is not a Redis URL; expected redis://host:port/database"
    )


def _shown(url: str) -> str:
    """URL without account and password."""
    scheme, divider, rest = url.partition("://")
    return f"{scheme}{divider}{rest.rpartition('@')[2]}"
