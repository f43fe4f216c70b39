"""What may be said of a webhook? Its address, its secret, and which messages it gets."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from openai_api.interceptors.webhook.signature import key_of
from providers.types import Secret

FINISHED, FAILED = "request.finished", "request.failed"
EventName = Literal[
    "request.finished",
    "request.failed",
    "session.start",
    "session.end",
    "llm.call.start",
    "llm.call.finish",
    "llm.call.error",
    "tool.execution",
    "tool.result",
]
MOST_TRIES = 20
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_URL = re.compile(r"[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e%&]+")
OWN = frozenset(
    {
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "accept-encoding",
        "expect",
        "te",
        "trailer",
        "upgrade",
        "keep-alive",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    }
)
"""Headers that are the sender's business."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: Annotated[str, Meta(description="The http or https address that messages are posted to", max_length=2000)]
    secret: Annotated[Secret, Meta(description="What signs the messages: `whsec_` and 24 to 64 random bytes in base64")]
    events: Annotated[list[EventName], Meta(description="Which messages: of whole requests, or of the events of sessions")] = (
        msgspec.field(default_factory=lambda: ["request.finished", "request.failed"])
    )
    include_bodies: Annotated[
        bool, Meta(description="What was asked and answered is part of the messages, for client keys that allow it")
    ] = False
    headers: Annotated[dict[str, Secret], Meta(description="Further headers of each message")] = {}
    timeout: Annotated[float, Meta(description="Seconds that the receiver may take to answer", ge=0.1, le=60)] = 10.0
    max_tries: Annotated[
        int, Meta(description="How often a message is sent until the receiver takes it", ge=1, le=MOST_TRIES)
    ] = 8
    first_pause: Annotated[
        float, Meta(description="Seconds before the second try; twice as long before each further one", ge=0.1, le=3600)
    ] = 2.0
    longest_pause: Annotated[float, Meta(description="Seconds between two tries, at most", ge=0.1, le=21600)] = 600.0
    max_pending: Annotated[
        int,
        Meta(description="Messages of all webhooks that may wait; further ones are dropped, which the log tells", ge=1, le=10**6),
    ] = 10_000
    max_bytes: Annotated[
        int, Meta(description="A message that would be longer is sent without bodies and attributes", ge=1024, le=8 * 1024 * 1024)
    ] = 262_144

    def __post_init__(self) -> None:
        _check_url(self.url)
        key_of(self.secret)
        for name, value in self.headers.items():
            if not _TOKEN.fullmatch(name) or name.lower() in OWN:
                raise ValueError(f"headers: {name[:60]!r} is no name of a header, or one that is set already")
            if not _VALUE.fullmatch(value.reveal()):
                raise ValueError(f"headers: the value of {name} holds a character that no header may have")
        if not self.events:
            raise ValueError("events: name at least one")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("url: its host or port is not valid") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("url: must be an http or https address with a host")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("url: must have neither a user or password nor a fragment")
    if not _URL.fullmatch(url):
        raise ValueError("url: holds a character that must be percent-encoded")
