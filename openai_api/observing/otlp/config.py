"""Where is the collector, and who tells it? OpenTelemetry's own variables, as its specification has them."""

from __future__ import annotations

import os
import re
import socket
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import msgspec

from openai_api.observing.otlp.conventions import Conventions
from providers.types import Secret

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
NOT_SET = frozenset({"content-type", "content-encoding", "content-length", "host", "connection", "transfer-encoding"})
INSTANCE = str(uuid4())
"""Tells this process from others of the same service."""
SERVICE = "signalbox"
Pairs = tuple[tuple[str, str], ...]


class OtlpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`endpoint` is the address below which `/v1/traces`, `/v1/logs` and `/v1/metrics` are; `headers` go with each request, as
    `name=value,name=value` with values in URL spelling. Times are seconds."""

    endpoint: str = "http://localhost:4318"
    headers: Secret = Secret("")
    timeout_s: float = 10.0
    compressed: bool = False
    service: str = ""
    version: str = ""
    resource: Pairs = ()
    conventions: Conventions = Conventions.RELEASED
    content: bool = False
    metrics_every_s: float = 60.0

    def address(self, signal: str) -> str:
        return f"{self.endpoint.rstrip('/')}/v1/{signal}"

    def attributes(self) -> dict[str, str]:
        """What describes the service; what the operator says of it goes before what is known."""
        known = {
            "service.name": SERVICE,
            "service.version": self.version,
            "service.instance.id": INSTANCE,
            "host.name": socket.gethostname(),
            "process.pid": str(os.getpid()),
        }
        named = {"service.name": self.service} if self.service else {}
        return {name: value for name, value in (known | dict(self.resource) | named).items() if value}


class BadPairs(ValueError):
    """A list of `name=value` that is none."""


def pairs_of(text: str) -> Pairs:
    """The names and values of `a=1,b=2`. Values may be in URL spelling. Raises `BadPairs`, which repeats none of them."""
    found = []
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise BadPairs("must be name=value, several separated by commas")
        found.append((name.strip(), unquote(value.strip())))
    return tuple(found)


def headers_of(secret: Secret) -> Pairs:
    """The headers in a secret, names in lower case. Raises `BadPairs`, which repeats none of them."""
    headers = tuple((name.lower(), value) for name, value in pairs_of(secret.reveal()))
    for name, value in headers:
        if not NAME.fullmatch(name) or name in NOT_SET or not value.isprintable() or not value.isascii():
            raise BadPairs("has a header that cannot be sent")
    return headers


def secret_headers(text: str) -> Secret:
    """The headers in a text, as a secret. Raises `BadPairs`."""
    headers_of(Secret(text))
    return Secret(text)


def checked_endpoint(url: str) -> str:
    """The address. Raises `ValueError` for one that is not of HTTP; the message does not repeat it, as it may hold a password."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if not good or url != url.strip() or not url.isprintable():
        raise ValueError("must be an address such as http://localhost:4318, without a password or a query")
    return url


_defaults: list[OtlpConfig] = [OtlpConfig()]


def configure(config: OtlpConfig) -> None:
    """What holds in this process where no option says otherwise. Called once, by the composition root."""
    _defaults[0] = config


def configured() -> OtlpConfig:
    return _defaults[0]
