"""When is a Redis server asked? Over one connection, for a moment, and not while it is away.

redis-py makes the connection, as it knows addresses, passwords and TLS. What is asked then goes past it (`line.py`): its own way
of a command takes 150 µs of the event loop's time, this one a fifth of that. A command that is not answered in time costs the
connection: a task makes the next one, and until then nobody is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha1
from time import monotonic
from typing import Any, NamedTuple

import hiredis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from openai_api.redis_link.line import Late, Line

ANSWER_S = 0.05
"""How long a request waits for the server at most."""
LATE_S = 1.0
"""How long a connection that did not answer in time is still listened to."""
CONNECT_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
STEADY_S = 30.0
"""How long a connection must have lasted for its loss to be the first of its kind."""

log = logging.getLogger("gateway.redis")


class Script(NamedTuple):
    """A script of the server's, and the digest by which it knows it."""

    text: str
    digest: str


def script(text: str) -> Script:
    """A script with its digest."""
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


class RedisLink:
    """The way to the server at that address, which is taught the `scripts`. `failures` counts how often it was lost, `lines` the
    connections that there were; `lost` and `found` is what is logged then."""

    def __init__(self, url: str, scripts: Sequence[Script], answer_s: float, lost: str, found: str) -> None:
        self._told = lost, found
        options: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_S,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        self._pool = redis.asyncio.ConnectionPool.from_url(url, **options)
        self._scripts = scripts
        self._answer_s = answer_s
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None]
        self._pause, self._is_told = FIRST_PAUSE_S, False
        self.failures = self.lines = 0

    @property
    def up(self) -> bool:
        """Whether there is a connection now."""
        return self._line is not None and self._line.open()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run(self, script: Script, key: str, *arguments: str) -> Any | None:
        """What the script answers; None if the server is away, or silent."""
        return await self.call(script, (key,), arguments)

    async def call(self, script: Script, keys: Sequence[str], arguments: Sequence[str], late: Late | None = None) -> Any | None:
        """As `run`, with several keys, which must all lie on one server. `late` is told an answer that comes in vain."""
        line = self._line or await self._begun()
        if line is None:
            return None
        words = (str(len(keys)), *keys, *arguments)
        said = await line.ask(("EVALSHA", script.digest, *words), self._answer_s, late)
        if _forgotten(said):
            said = await line.ask(("EVAL", script.text, *words), self._answer_s, late)
        if isinstance(said, Exception):
            line.lose(said)
            return None
        return said

    def send(self, script: Script, keys: Sequence[str], arguments: Sequence[str], lost: Callable[[], None]) -> None:
        """Has the script run without waiting for it. Scripts run in the order in which they are called and sent. `lost` is called
        where the server is away, or is not heard to have run it: it may have, all the same."""
        line = self._line
        if line is None or not line.open():
            lost()
            return
        words = (str(len(keys)), *keys, *arguments)
        said = line.sent(("EVALSHA", script.digest, *words), self._answer_s)
        said.add_done_callback(partial(self._heard, line, ("EVAL", script.text, *words), lost))

    def _heard(self, line: Line, again: Sequence[str], lost: Callable[[], None], heard: asyncio.Future[Any]) -> None:
        said = None if heard.cancelled() else heard.result()
        if again and _forgotten(said) and line.open():
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

    async def _begun(self) -> Line | None:
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
        while True:
            began = monotonic()
            try:
                async with asyncio.timeout(CONNECT_S):
                    connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
                    await connection.connect()
                try:
                    line = await self._taught(connection)
                    if self._is_told:
                        log.info(self._told[1])
                    self._line = line
                    self.lines += 1
                    self._tried()
                    reason = await line.lost
                    self._line = None
                    self._note(reason, began)
                    began = monotonic()
                    await asyncio.wait((line.closed,), timeout=LATE_S)
                    raise reason
                finally:
                    if self._line is not None:
                        self._line.lose(ConnectionResetError("the connection is given up"))
                    self._line = None
                    await connection.disconnect(nowait=True)
            except (TimeoutError, OSError, redis.RedisError, hiredis.HiredisError) as error:
                self._tried()
                self._note(error, began)
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_S)

    def _note(self, error: Exception, began: float) -> None:
        """Counts and tells the first loss of its kind, when it happens."""
        if monotonic() - began > STEADY_S:
            self._pause, self._is_told = FIRST_PAUSE_S, False
        if not self._is_told:
            self._is_told = True
            self.failures += 1
            log.warning(self._told[0], extra={"error": type(error).__name__})

    async def _taught(self, connection: Any) -> Line:
        """A line over the connection to a server that answers in time, and knows the scripts."""
        line = Line(connection._writer.transport)  # noqa: SLF001 - it has no other name
        for script in self._scripts:
            said = await line.ask(("SCRIPT", "LOAD", script.text), self._answer_s)
            if isinstance(said, Exception):
                raise said
        return line


def _forgotten(said: object) -> bool:
    """Whether the server does not know a script any more: somebody has flushed them, or another server has taken over."""
    return isinstance(said, hiredis.ReplyError) and str(said).startswith("NOSCRIPT")
