"""How is a Redis server asked without anybody waiting for it? Over one connection, for a moment, and not while it is away.

redis-py makes the connection, as it knows addresses, passwords and TLS. What is asked then goes past it: its own way of a command
takes 150 µs of the event loop's time, this one a fifth of that. Requests are sent as they come, and answered in their order
(RESP2). One that is not answered in time costs the connection: a task makes the next one, and until
then nobody is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

import hiredis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

ANSWER_S = 0.05
"""How long a request waits for the server at most."""
CONNECT_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
STEADY_S = 30.0
"""How long a connection must have lasted for its loss to be the first of its kind."""

log = logging.getLogger("gateway.sessions")


class Script(NamedTuple):
    """A script of the server's, and the digest by which it knows it."""

    text: str
    digest: str


class RedisLink:
    """The way to the server at that address, which is taught the `scripts`. `failures` counts how often it was lost, `lines` the
    connections that there were; `lost` and `found` is what is logged then."""

    def __init__(
        self,
        url: str,
        scripts: Sequence[Script] = (),
        answer_s: float = ANSWER_S,
        lost: str = "sessions are not shared: redis is away",
        found: str = "sessions are shared again",
    ) -> None:
        self._told = lost, found
        options: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_S,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        self._pool = redis.asyncio.ConnectionPool.from_url(url, **options)
        self._scripts = scripts
        self._answer_s = answer_s
        self._line: _Line | None = None
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None]
        self.failures = self.lines = 0

    @property
    def up(self) -> bool:
        """Whether there is a connection now."""
        return self._line is not None

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run(self, script: Script, key: str, *arguments: str) -> Any | None:
        """What the script answers; None if the server is away, or silent."""
        return await self.call(script, (key,), arguments)

    async def call(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any | None:
        """As `run`, with several keys, which must all lie on one server."""
        line = self._line or await self._begun()
        if line is None:
            return None
        words = (str(len(keys)), *keys, *arguments)
        said = await line.ask(("EVALSHA", script.digest, *words), self._answer_s)
        if _forgotten(said):
            said = await line.ask(("EVAL", script.text, *words), self._answer_s)
        if isinstance(said, Exception):
            line.lose(said)
            return None
        return said

    def send(self, script: Script, keys: Sequence[str], arguments: Sequence[str], lost: Callable[[], None]) -> None:
        """Has the script run without waiting for it. Scripts run in the order in which they are called and sent. `lost` is called
        where the server is away, or is not heard to have run it: it may have, all the same."""
        line = self._line
        if line is None or line.is_closing():
            lost()
            return
        words = (str(len(keys)), *keys, *arguments)
        said = line.sent(("EVALSHA", script.digest, *words), self._answer_s)
        said.add_done_callback(partial(self._heard, line, ("EVAL", script.text, *words), lost))

    def _heard(self, line: _Line, again: Sequence[str], lost: Callable[[], None], heard: asyncio.Future[Any]) -> None:
        said = None if heard.cancelled() else heard.result()
        if again and _forgotten(said) and not line.is_closing():
            line.sent(again, self._answer_s).add_done_callback(partial(self._heard, line, (), lost))
        elif isinstance(said, Exception):
            line.lose(said)
            lost()

    async def command(self, *words: str | bytes) -> Any | None:
        """What the server answers to a command; None if it is away, or silent, or answers with nothing."""
        line = self._line or await self._begun()
        if line is None:
            return None
        said = await line.ask(words, self._answer_s)
        if isinstance(said, Exception):
            line.lose(said)
            return None
        return said

    async def connected(self) -> None:
        """Waits until a connection has been tried."""
        await asyncio.wait((self._trying(),))

    async def _begun(self) -> _Line | None:
        """The first connection, which is made when the first asks, and for which all that ask meanwhile wait a moment."""
        first = self._trying()
        if not first.done():
            await asyncio.wait((first,), timeout=self._answer_s)
        return self._line

    def _trying(self) -> asyncio.Future[None]:
        if self._task is None:
            self._first = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._keep(), name="redis-link")
        return self._first

    def _tried(self) -> None:
        if not self._first.done():
            self._first.set_result(None)

    async def _keep(self) -> None:
        """One connection after the other, with growing pauses between those that do not come about."""
        pause, told = FIRST_PAUSE_S, False
        while True:
            began = monotonic()
            try:
                async with asyncio.timeout(CONNECT_S):
                    connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
                    await connection.connect()
                try:
                    line = await self._taught(connection)
                    if told:
                        log.info(self._told[1])
                    self._line = line
                    self.lines += 1
                    self._tried()
                    raise await line.lost
                finally:
                    if self._line is not None:
                        self._line.lose(ConnectionResetError("the connection is given up"))
                    self._line = None
                    await connection.disconnect(nowait=True)
            except (TimeoutError, OSError, redis.RedisError, hiredis.HiredisError) as error:
                self._tried()
                if monotonic() - began > STEADY_S:
                    pause, told = FIRST_PAUSE_S, False
                if not told:
                    told = True
                    self.failures += 1
                    log.warning(self._told[0], extra={"error": type(error).__name__})
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _taught(self, connection: Any) -> _Line:
        """A line over the connection to a server that answers in time, and knows the scripts."""
        line = _Line(connection._writer.transport)  # noqa: SLF001 - it has no other name
        for script in self._scripts:
            said = await line.ask(("SCRIPT", "LOAD", script.text), self._answer_s)
            if isinstance(said, Exception):
                raise said
        return line


class _Line(asyncio.Protocol):
    """What is sent and received over a connection. `lost` is done with the reason once nothing more can be."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._reader = hiredis.Reader()
        self._transport = transport
        self.lost: asyncio.Future[Exception] = self._loop.create_future()
        transport.set_protocol(self)

    async def ask(self, words: Sequence[str | bytes], within_s: float) -> Any:
        """The answer to a command, or the error in its place."""
        if self.is_closing():  # uvloop refuses to write from then on, a moment before it says that the line is lost
            self.lose(ConnectionResetError("the connection is closed"))
            return self.lost.result()
        return await self.sent(words, within_s)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def sent(self, words: Sequence[str | bytes], within_s: float) -> asyncio.Future[Any]:
        """What will be the answer to a command, or the error in its place."""
        told: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(told)
        self._transport.write(_packed(words))
        late = self._loop.call_later(within_s, _late, told)
        told.add_done_callback(lambda _: late.cancel())
        return told

    def lose(self, error: Exception) -> None:
        """Gives the connection up: an answer that comes later would be taken for another's."""
        if not self.lost.done():
            self.lost.set_result(error)
        self._transport.abort()
        while self._waiting:
            told = self._waiting.popleft()
            if not told.done():
                told.set_result(error)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        with suppress(IndexError):  # what nobody has asked for
            try:
                while (said := self._reader.gets()) is not False:
                    told = self._waiting.popleft()
                    if not told.done():
                        told.set_result(said)
            except hiredis.ProtocolError as error:
                self.lose(error)

    def connection_lost(self, error: Exception | None) -> None:
        self.lose(error or ConnectionResetError("the server has closed the connection"))


def _late(told: asyncio.Future[Any]) -> None:
    if not told.done():
        told.set_result(TimeoutError("no answer in time"))


def _forgotten(said: object) -> bool:
    """Whether the server does not know a script any more: somebody has flushed them, or another server has taken over."""
    return isinstance(said, hiredis.ReplyError) and str(said).startswith("NOSCRIPT")


def _packed(words: Sequence[str | bytes]) -> bytes:
    """A command, as an array of strings."""
    texts = [word for word in words if isinstance(word, str)]
    if len(texts) < len(words):
        parts = [word if isinstance(word, bytes) else word.encode() for word in words]
        return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])
    told = "".join([f"${len(word if word.isascii() else word.encode())}\r\n{word}\r\n" for word in texts])
    return f"*{len(texts)}\r\n{told}".encode()
