"""Is a body that is made while it is sent written as fast as it is taken, and no faster?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import pytest

from providers.errors import AdapterFailed
from providers.transport import Transport, UpstreamRequest
from providers.transport.slim import SlimTransport
from tests.unit.providers.transport.scripted import (
    OK,
    PATIENCE,
    Peer,
    ScriptedServer,
    answering,
    counters,
    request_to,
    until,
)

PIECE = bytes(range(256)) * 1024


class Counted:
    """A body of `number` pieces, which counts those that were taken. The one numbered `broken` cannot be read."""

    def __init__(self, number: int, broken: int = -1) -> None:
        self._number = number
        self._broken = broken
        self.taken = 0

    def __len__(self) -> int:
        return self._number * len(PIECE)

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self._number):
            if number == self._broken:
                raise OSError("the disk is gone")
            self.taken += 1
            yield PIECE

    def __bytes__(self) -> bytes:
        return b"".join(self)


def upload(server: ScriptedServer, body: Counted) -> UpstreamRequest:
    return msgspec.structs.replace(request_to(server), body=body)


async def test_body_in_pieces_arrives_whole_one_after_another(transport: Transport) -> None:
    async with ScriptedServer(answering(OK)) as server:
        for number in (1, 40, 2):
            reply = await transport.fetch(upload(server, Counted(number)))
            assert reply.body == b"ok"
            assert server.requests[-1].endswith(b"\r\n\r\n" + PIECE * number)


async def test_body_in_pieces_is_sent_again_from_its_start_when_the_connection_was_stale(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await peer.request()
        peer.reset()

    body = Counted(20)
    async with ScriptedServer(script, answering(OK)) as server:
        await slim.fetch(request_to(server))
        assert (await slim.fetch(upload(server, body))).body == b"ok"
        assert [len(request) > len(body) for request in server.requests] == [False, True, True]
        assert server.requests[-1].endswith(b"\r\n\r\n" + PIECE * 20)


async def test_body_in_pieces_waits_for_a_reader_that_is_slow(slim: SlimTransport) -> None:
    read_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await read_on.wait()
        await peer.answer(OK)

    body = Counted(200)
    async with ScriptedServer(script) as server:
        fetching = asyncio.create_task(slim.fetch(upload(server, body)))
        await until(lambda: body.taken)
        taken = -1
        while taken < body.taken:
            taken = body.taken
            await asyncio.sleep(0.05)
        assert body.taken < 100
        read_on.set()
        assert (await fetching).body == b"ok"
        assert body.taken == 200
        assert counters(slim).idle == 1


async def test_body_that_cannot_be_read_fails_at_once(slim: SlimTransport) -> None:
    async with ScriptedServer(answering(OK)) as server:
        for broken in (0, 3):
            with pytest.raises(AdapterFailed, match="cannot be read"):
                await asyncio.wait_for(slim.fetch(upload(server, Counted(30, broken))), PATIENCE / 2)
        assert (await slim.fetch(request_to(server))).body == b"ok"


async def test_answer_before_the_body_was_read_ends_the_upload_and_its_connection(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(OK)
        await peer.gone()

    body = Counted(400)
    async with ScriptedServer(script) as server:
        assert (await slim.fetch(upload(server, body))).body == b"ok"
        taken = body.taken
        assert counters(slim).idle == 0
        await server.settled()
        assert body.taken == taken < 400


async def test_upload_when_cancelled_takes_no_more_of_the_body(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await asyncio.sleep(PATIENCE)

    body = Counted(400)
    async with ScriptedServer(script) as server:
        fetching = asyncio.create_task(slim.fetch(upload(server, body)))
        await until(lambda: body.taken)
        fetching.cancel()
        with suppress(asyncio.CancelledError):
            await fetching
        taken = body.taken
        await asyncio.sleep(0.05)
        assert body.taken == taken
