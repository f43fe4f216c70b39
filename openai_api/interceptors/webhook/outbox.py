"""Where do messages wait until they are delivered? In the database, as jobs; the composition root says where that is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from secrets import token_hex
from typing import NamedTuple, Protocol

import msgspec

from openai_api.interceptors.webhook.options import Options

KIND = "webhook"
"""The kind of the jobs."""


class Message(NamedTuple):
    """What is to be delivered: its id, the client key that it is about, when it was made, and the payload of its job."""

    id: str
    owner: str
    at: float
    payload: bytes


class Payload(NamedTuple):
    """`address` and `hook` say to which webhook the message belongs, as digests: addresses may hold secrets, too."""

    address: str
    hook: str
    body: bytes


class Outbox(Protocol):
    """Keeps messages beyond the end of this process."""

    def put(self, messages: Sequence[Message], most: int) -> int:
        """How many of them were kept; no more than `most` wait at a time. Blocks. Raises `StoreUnavailable`."""
        ...


_outboxes: list[Outbox] = []


def use(outbox: Outbox) -> None:
    """From now on webhooks that are made put their messages there."""
    _outboxes[:] = [outbox]


def outbox() -> Outbox:
    """Raises `RuntimeError` where there is none."""
    if not _outboxes:
        raise RuntimeError("webhooks need the database, where messages wait until they are delivered")
    return _outboxes[0]


def new_message(options: Options, owner: str, at: float, body: bytes) -> Message:
    payload = Payload(*digests(options), body)
    return Message(f"msg_{token_hex(16)}", owner, at, msgspec.msgpack.encode(payload))


def payload_of(data: bytes) -> Payload:
    """Raises `msgspec.DecodeError`."""
    return msgspec.msgpack.decode(data, type=Payload)


def digests(options: Options) -> tuple[str, str]:
    """Of the address, and of the address with the secret."""
    return _digest(options.url), _digest(f"{options.url}\0{options.secret.reveal()}")


def webhook_of(payload: Payload, webhooks: Iterable[Options]) -> Options | None:
    """The webhook that a message belongs to: the same, or else, after its secret was changed, one of the same address."""
    found = [(options, digests(options)) for options in webhooks]
    same = (options for options, (_, hook) in found if hook == payload.hook)
    alike = (options for options, (address, _) in found if address == payload.address)
    return next(same, None) or next(alike, None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
