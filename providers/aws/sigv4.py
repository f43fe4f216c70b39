"""What does AWS's Signature Version 4 say of a request?

Specification: "AWS Signature Version 4 for API requests" in the IAM User Guide. For every service but S3 the path is encoded once
more than it is sent, so that a model's ARN in it (`%3A`, `%2F`) is signed as `%253A`, `%252F`.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote, unquote

from providers.aws.credentials import AccessKey
from providers.transport import Origin, RequestHeader, UpstreamRequest

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
SIGNED = "content-type"
"""Signed beside the host and AWS's own headers. Others, as the trace context, may be changed on their way."""
AWS_OWN = "x-amz"
CHANGED_ON_THE_WAY = frozenset({"x-amzn-trace-id"})
UNRESERVED = "-_.~"


class Scope(NamedTuple):
    """Where a signature is good: `region` as in "us-east-1", `service` as in "bedrock"."""

    region: str
    service: str


def signed_headers(request: UpstreamRequest, key: AccessKey, scope: Scope, at: float) -> tuple[RequestHeader, ...]:
    """The headers that sign the request at a time in Unix seconds: `x-amz-date`, `x-amz-security-token` of a temporary key, and
    `authorization`. The body is read once, also one in pieces."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    added = [("x-amz-date", moment)]
    if key.session is not None:
        added.append(("x-amz-security-token", key.session.reveal()))
    headers = canonical_headers(_headers(request, added))
    names = ";".join(name for name, _ in headers)
    asked = canonical_request(request, headers, names)
    where = f"{moment[:8]}/{scope.region}/{scope.service}/{TERMINATOR}"
    text = "\n".join((ALGORITHM, moment, where, sha256(asked.encode()).hexdigest()))
    signature = hmac.new(_signing_key(key, moment[:8], scope), text.encode(), sha256).hexdigest()
    proof = f"{ALGORITHM} Credential={key.id}/{where}, SignedHeaders={names}, Signature={signature}"
    return tuple((name.encode(), value.encode("latin-1")) for name, value in (*added, ("authorization", proof)))


def canonical_request(request: UpstreamRequest, headers: Iterable[tuple[str, str]], names: str) -> str:
    """The text of which the signature is made."""
    path, _, query = request.head.path.partition("?")
    lines = [request.head.method, canonical_path(path), canonical_query(query)]
    lines += [f"{name}:{value}" for name, value in headers]
    return "\n".join((*lines, "", names, body_hash(request)))


@lru_cache(maxsize=1024)
def canonical_path(path: str) -> str:
    """The path as it is sent, without its dots and doubled slashes, encoded once more."""
    steps: list[str] = []
    for step in path.split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    last = "/" if steps and path.endswith("/") else ""
    return quote("/" + "/".join(steps) + last, safe="/" + UNRESERVED)


def canonical_query(query: str) -> str:
    """The fields in the order of their encoded names and values."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    encoded = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(unquote(text, errors="surrogateescape"), safe=UNRESERVED, errors="surrogateescape")


def canonical_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers by name, each once: runs of white space are a space, several values of a name are joined by commas."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(" ".join(value.split()))
    return [(name, ",".join(found[name])) for name in sorted(found)]


def _headers(request: UpstreamRequest, added: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    yield "host", _host(request.head.origin)
    own = ((name.decode(), value.decode("latin-1")) for name, value in request.headers)
    for name, value in (*request.head.headers, *own):
        if name == SIGNED or (name.startswith(AWS_OWN) and name not in CHANGED_ON_THE_WAY):
            yield name, value
    yield from added


def _host(origin: Origin) -> str:
    """As the transport writes it."""
    scheme, host, port = origin
    shown = f"[{host}]" if ":" in host else host
    return shown if port == (443 if scheme == "https" else 80) else f"{shown}:{port}"


def body_hash(request: UpstreamRequest) -> str:
    """The SHA-256 of the body, in hexadecimal digits."""
    body = request.body
    if isinstance(body, bytes | bytearray):
        return sha256(body).hexdigest()
    made = sha256()
    for piece in body:
        made.update(piece)
    return made.hexdigest()


def _signing_key(key: AccessKey, day: str, scope: Scope) -> bytes:
    made = f"AWS4{key.secret.reveal()}".encode()
    for part in (day, scope.region, scope.service, TERMINATOR):
        made = hmac.digest(made, part.encode(), "sha256")
    return made
