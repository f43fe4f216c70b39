"""Which requests belong together, so that one target's prompt cache stays warm for them, and where have they moved?

By their `prompt_cache_key`, else their session, requests go where its hash leads, in every worker. Only what is served elsewhere
is remembered, by the worker that saw it: because the target was full or left alone, or did not answer. So is who gave a response
that is kept here, for the request that continues it.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

from models_catalog.snapshot import Client
from openai_api.recording.events import Record
from providers.types import Call

MOST_MOVED = 20_000
NOT_GIVEN = frozenset({None, b"null", b'""'})


def key_of(call: Call, record: Record, client: Client) -> bytes:
    """What the requests that belong together have in common, 16 bytes; b"" where it is not known."""
    told = call.fields.raw("prompt_cache_key")
    if told not in NOT_GIVEN:
        return _digest(b"k", client, told or b"")
    return _digest(b"s", client, record.session.encode()) if record.session else b""


def key_of_response(response: str, client: Client) -> bytes:
    """What stands for a response where what it is part of is not known."""
    return _digest(b"r", client, response.encode()) if response else b""


def _digest(kind: bytes, client: Client, value: bytes) -> bytes:
    return blake2b(value, digest_size=16, key=client.lineage.encode()[:64], person=kind).digest()


class Moved:
    """Names of circuits of targets by the keys of requests, the latest ones."""

    def __init__(self, most: int = MOST_MOVED) -> None:
        self._most = most
        self._circuits: OrderedDict[bytes, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._circuits)

    def get(self, key: bytes) -> str:
        """The circuit of the target that the key has moved to, "" if it has not."""
        found = self._circuits.get(key)
        if found is None:
            return ""
        self._circuits.move_to_end(key)
        return found

    def put(self, key: bytes, circuit: str) -> None:
        self._circuits[key] = circuit
        self._circuits.move_to_end(key)
        if len(self._circuits) > self._most:
            self._circuits.popitem(last=False)

    def drop(self, key: bytes) -> None:
        self._circuits.pop(key, None)
