"""How is Redis read and followed? By SCAN and MGET, and by the notifications of its keyspace. A hash is read as a JSON object.

A notification only says which key to read again, so that it does not matter which command has changed it. Those of the keyspace
(`K`) are asked for by the names of our keys; where a server has only those of events (`E`), all of its keys are heard of.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Any, Self

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from models_catalog.publication.mirror import Found
from models_catalog.publication.names import PATTERNS, SHARED, kind_of

ANSWER_S = 5.0
SILENCE_S = 5.0
"""After so long without a word the server is asked for a sign of life; after twice as long it is given up."""
AT_ONCE = 500
EVENTS = (
    "append",
    "copy_to",
    "del",
    "evicted",
    "expire",
    "expired",
    "hdel",
    "hset",
    "persist",
    "rename_from",
    "rename_to",
    "restore",
    "set",
    "setrange",
)
"""Of the notifications by event: those after which one of our keys has another value, another expiry, or none."""
NO_VALUE, GONE = -1, -2
"""What PTTL says of a key that stays, and of one that is not there."""
NEEDED = "g$x"
"""The kinds of events without which changes are missed: of any type, of strings, and expiry."""


class SilentServer(redis.RedisError):
    """Nothing was heard of the server for too long."""


class Source:
    """A connection that reads and one that listens, between `with` and its end. Raises `redis.RedisError` and `OSError`."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_connect_timeout=ANSWER_S, socket_timeout=ANSWER_S, retry=Retry(NoBackoff(), 0), decode_responses=False
        )
        self._database = int(self._client.connection_pool.connection_kwargs.get("db") or 0)
        self._listener = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._heard = time.monotonic()
        self._turned = self._heard
        self._asked = False

    def __enter__(self) -> Self:
        """Listens from now on: what is read afterwards is either read new or heard of."""
        flags = notifications(self._client)
        by_key = [f"__keyspace@{self._database}__:{pattern}" for pattern in PATTERNS]
        by_event = [f"__keyevent@{self._database}__:{event}" for event in EVENTS]
        self._listener.psubscribe(*(by_key if flags is not None and "K" in flags else [*by_key, *by_event]))
        self._heard = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(redis.RedisError, OSError):
            self._listener.close()
        self._client.close()

    def server(self) -> str:
        """What tells one run of the server from another, "" where it does not say."""
        try:
            told: Any = self._client.info("server")
        except redis.ResponseError:
            return ""
        return str(told.get("run_id", ""))

    def changed(self, timeout_s: float) -> set[bytes]:
        """The keys of ours that have changed, as soon as there are any; none after the time-out."""
        found: set[bytes] = set()
        if time.monotonic() - self._turned > SILENCE_S:  # nobody listened for a while: what was said is still to be read
            self._heard, self._asked = time.monotonic(), False
        message = self._next(timeout_s)
        while message is not None:
            if (name := self._name(message)) is not None and kind_of(name) is not None:
                found.add(name)
            message = self._next(0)
        self._turned = time.monotonic()
        self._ask_for_life()
        return found

    def names(self) -> Iterator[set[bytes]]:
        """Our keys of this moment, in portions; a name may come twice."""
        for pattern in PATTERNS[:2]:
            names = self._client.scan_iter(pattern, count=1000)
            while portion := set(islice(names, AT_ONCE)):
                yield portion
        if self._client.exists(SHARED):
            yield {SHARED.encode()}

    def read(self, names: Iterable[bytes]) -> Iterator[list[Found]]:
        """Those of the keys that are there, with what they hold, in portions."""
        remaining = iter(names)
        while batch := list(islice(remaining, AT_ONCE)):
            values, *left = self._ask([(b"MGET", *batch), *((b"PTTL", name) for name in batch)])
            now = datetime.now(UTC)
            found = [
                Found(name, value, None if left_ms == NO_VALUE else now + timedelta(milliseconds=left_ms))
                for name, value, left_ms in zip(batch, values, left, strict=True)
                if left_ms != GONE
            ]
            if None in values:
                found = [one if one.raw is not None else one._replace(raw=self._hash(one.name)) for one in found]
            yield found

    def _ask(self, commands: Sequence[Sequence[bytes]]) -> list[Any]:
        """The answers to commands that are sent together, written here: the client's own way takes ten times as long."""
        sent = b"".join(_written(command) for command in commands)
        connection = self._client.connection_pool.get_connection()
        try:
            connection.send_packed_command([sent])  # type: ignore[no-untyped-call]
            return [connection.read_response() for _ in commands]
        except BaseException:
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        finally:
            self._client.connection_pool.release(connection)

    def _hash(self, name: bytes) -> bytes | None:
        """A hash whose fields are JSON texts, as one JSON object; None for whatever else the key holds."""
        try:
            fields: Any = self._client.hgetall(name)
        except redis.ResponseError:
            return None
        try:
            return msgspec.json.encode({field.decode(): msgspec.Raw(text) for field, text in fields.items()}) if fields else None
        except ValueError:
            return None

    def _next(self, timeout_s: float) -> dict[str, Any] | None:
        message: dict[str, Any] | None = self._listener.get_message(ignore_subscribe_messages=True, timeout=timeout_s)
        if message is not None:
            self._heard, self._asked = time.monotonic(), False
        return message

    def _name(self, message: dict[str, Any]) -> bytes | None:
        channel = message["channel"]
        if message["type"] != "pmessage":
            return None
        space, _, name = bytes(channel).partition(b":")
        return name if space.startswith(b"__keyspace") else bytes(message["data"])

    def _ask_for_life(self) -> None:
        silent = time.monotonic() - self._heard
        if silent > 2 * SILENCE_S:
            raise SilentServer
        if silent > SILENCE_S and not self._asked:
            self._asked = True
            self._listener.ping()


def _written(command: Sequence[bytes]) -> bytes:
    return b"*%d\r\n" % len(command) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in command])


def notifications(client: redis.Redis) -> str | None:
    """The kinds of notifications that the server sends, None where it does not say."""
    try:
        told: Any = client.config_get("notify-keyspace-events")
    except redis.ResponseError:
        return None
    found = next(iter(told.values()), "") if told else ""
    text = found.decode() if isinstance(found, bytes) else str(found)
    return text.replace("A", "g$lshzxetd")


def missing(flags: str) -> str:
    """What lacks of the notifications that are needed, "" if nothing."""
    lacks = "".join(kind for kind in NEEDED if kind not in flags)
    return lacks if "K" in flags or "E" in flags else f"K{lacks}"
