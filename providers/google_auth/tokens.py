"""When is an access token renewed? Before its end, once for all who wait; the old one is used while no new one comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic

import msgspec

from providers.errors import AdapterFailed, ProviderError
from providers.google_auth.sources import Source
from providers.transport import RequestHeader, Transport, UpstreamRequest
from providers.types import Secret

EARLY_S = 300.0
"""Seconds before its end at which a token is renewed."""
PAUSE_S = 10.0
"""Seconds after a fetch in which nobody asks again, while a token is good: the fetch may have failed, and a metadata server gives
the same token until shortly before its end."""


class Tokens:
    """The tokens of one credential. While the one in use is good nobody waits; in its last minutes a new one is fetched beside
    the requests; without a good one all wait for the same fetch, and are told the same failure.

    May be used from several event loops, which then do not share a fetch.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = monotonic) -> None:
        self._source = source
        self._clock = clock
        self._value = Secret("")
        self._end = self._again = float("-inf")
        self._fetch: asyncio.Task[Secret] | None = None

    async def value(self, transport: Transport, at: float) -> Secret:
        """A token that is good now, `at` in Unix seconds. Raises `ProviderError`."""
        now = self._clock()
        if now < self._end - EARLY_S:
            return self._value
        if now >= self._end:
            return await asyncio.shield(self._renewal(transport, at))
        if now >= self._again:
            self._renewal(transport, at)
        return self._value

    def signing(self, request: UpstreamRequest, transport: Transport) -> UpstreamRequest:
        """The request, signed with a token when it is sent. New tokens are fetched over `transport`."""
        return msgspec.structs.replace(request, sign=partial(TokenSigner(self, transport).sign, {}))

    def _renewal(self, transport: Transport, at: float) -> asyncio.Task[Secret]:
        loop = asyncio.get_running_loop()
        if self._fetch is None or self._fetch.done() or self._fetch.get_loop() is not loop:
            self._fetch = loop.create_task(self._renewed(transport, at))
            self._fetch.add_done_callback(_seen)
        return self._fetch

    async def _renewed(self, transport: Transport, at: float) -> Secret:
        begun = self._clock()
        try:
            token = await self._source.token(transport, at)
        except ProviderError:
            raise
        except Exception as error:
            raise AdapterFailed(f"a token could not be fetched: {type(error).__name__}") from error
        finally:
            self._again = self._clock() + PAUSE_S
        self._value, self._end = token.value, begun + token.seconds
        return token.value


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """A `Signer` that shows an access token."""

    tokens: Tokens
    transport: Transport

    async def sign(self, credentials: Mapping[str, Secret], request: UpstreamRequest, at: float) -> tuple[RequestHeader, ...]:
        token = await self.tokens.value(self.transport, at)
        return ((b"authorization", b"Bearer %b" % token.reveal().encode("ascii")),)


def _seen(task: asyncio.Task[Secret]) -> None:
    """Its failure is told to who waits; where the old token was good nobody does."""
    if not task.cancelled():
        task.exception()
