"""When is a request signed? Right before it is sent, within the time that its answer may take to begin."""

from __future__ import annotations

import asyncio
from time import time

import msgspec

from providers.errors import FirstByteTimeout
from providers.transport import UpstreamRequest


async def signed(request: UpstreamRequest) -> UpstreamRequest:
    """The request with the headers that sign it now. Raises what its signer raises, `FirstByteTimeout` if that takes too long:
    a signer may have to wait for a new token."""
    if request.sign is None:
        return request
    limits = request.timeouts
    try:
        async with asyncio.timeout(min(limits.first_byte, limits.total)):
            headers = await request.sign(request, time())
    except TimeoutError as error:
        raise FirstByteTimeout("the request was not signed in time") from error
    return msgspec.structs.replace(request, headers=(*request.headers, *headers), sign=None)
