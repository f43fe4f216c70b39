"""Does our signature say what that of AWS's own library says of the same request?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote, unquote, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.aws.credentials import AccessKey
from providers.aws.sigv4 import Scope, canonical_path, signed_headers
from providers.transport import Head, Origin, UpstreamRequest
from providers.types import Secret, Timeouts

SCOPE = Scope("eu-central-1", "bedrock")
TIMES = Timeouts(1, 1, 1, 1)
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6"
MODELS = (
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "eu.amazon.nova-pro-v1:0",
    ARN,
    "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-8b-instruct-v1:0",
    "a model with spaces é模😀~!*'()",
)
plain = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
keys = st.builds(
    AccessKey,
    st.from_regex(r"(AKIA|ASIA)[A-Z0-9]{16}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9/+]{40}", fullmatch=True).map(Secret),
    st.one_of(st.none(), st.from_regex(r"[A-Za-z0-9/+=]{20,200}", fullmatch=True).map(Secret)),
)
steps = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(lambda step: step not in (".", ".."))
paths = st.one_of(st.sampled_from(MODELS), steps).map(lambda model: f"/model/{quote(model, safe='')}/converse")
queries = st.lists(st.tuples(st.text(max_size=10), st.text(max_size=10)), max_size=4)
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
extra = st.lists(
    st.tuples(st.sampled_from(["x-amz-a", "x-amzn-bedrock-guardrailidentifier", "content-type", "x-amzn-trace-id"]), values),
    max_size=4,
)
origins = st.sampled_from(
    [
        Origin("https", "bedrock-runtime.eu-central-1.amazonaws.com", 443),
        Origin("http", "127.0.0.1", 8080),
        Origin("http", "localhost", 80),
        Origin("https", "vpce-1.example.com", 8443),
    ]
)


def request_of(
    path: str, body: bytes = b"{}", headers: list[tuple[str, str]] | None = None, origin: Origin | None = None
) -> UpstreamRequest:
    head = Head(
        "POST", origin or Origin("https", "example.com", 443), path, (("user-agent", "signalbox"), ("traceparent", "00-1"))
    )
    own = tuple((name.encode(), value.encode()) for name, value in headers or ())
    return UpstreamRequest(head, body, TIMES, own)


def theirs(request: UpstreamRequest, key: AccessKey, scope: Scope, at: float) -> dict[str, str]:
    """The headers that AWS's library adds."""
    scheme, host, port = request.head.origin
    default = port == (443 if scheme == "https" else 80)
    shown = host if default else f"{host}:{port}"
    asked = AWSRequest(method=request.head.method, url=f"{scheme}://{shown}{request.head.path}", data=request.body)
    for name, value in request.headers:
        if name != b"x-amzn-trace-id":
            asked.headers.add_header(name.decode(), value.decode())
    session = key.session.reveal() if key.session else None
    signer = botocore.auth.SigV4Auth(Credentials(key.id, key.secret.reveal(), session), scope.service, scope.region)
    with patch.object(botocore.auth, "get_current_datetime", lambda: datetime.fromtimestamp(at, UTC)):
        signer.add_auth(asked)
    return {name.lower(): value for name, value in asked.headers.items() if name.lower() in ADDED}


ADDED = ("authorization", "x-amz-date", "x-amz-security-token")


@settings(max_examples=300)
@example(keys=AccessKey("AKIDEXAMPLE12345", Secret("s")), path=f"/model/{quote(ARN, safe='')}/converse", body=b"", query=[],
         headers=[], origin=Origin("https", "h", 443), at=0)  # fmt: skip
@given(
    keys=keys,
    path=paths,
    body=st.binary(max_size=100),
    query=queries,
    headers=extra,
    origin=origins,
    at=st.integers(0, 4102444800),
)
def test_request_when_signed_then_as_the_library_of_aws_signs_it(
    keys: AccessKey, path: str, body: bytes, query: list[tuple[str, str]], headers: list[tuple[str, str]], origin: Origin, at: int
) -> None:
    told = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    request = request_of(f"{path}?{told}" if told else path, body, headers, origin)
    made = {name.decode(): value.decode() for name, value in signed_headers(request, keys, SCOPE, at)}
    assert made == theirs(request, keys, SCOPE, at)


@given(st.lists(st.sampled_from(["", ".", "..", "a", "b%2Fc", "é"]), max_size=8))
def test_path_when_it_has_dots_and_doubled_slashes_then_made_canonical_as_by_the_library_of_aws(steps: list[str]) -> None:
    path = "/" + "/".join(steps)
    signer = botocore.auth.SigV4Auth(None, "bedrock", "us-east-1")
    assert canonical_path(path) == signer._normalize_url_path(urlsplit(f"https://h{path}").path)


def test_path_when_it_holds_an_arn_then_encoded_twice() -> None:
    made = canonical_path(f"/model/{quote(ARN, safe='')}/converse")
    assert "%253A" in made
    assert "%252F" in made
    assert unquote(unquote(made)) == f"/model/{ARN}/converse"


def test_query_when_not_encoded_as_aws_wants_it_then_signed_as_if_it_were() -> None:
    key = AccessKey("AKIDEXAMPLE12345", Secret("s"))
    proofs = [dict(signed_headers(request_of(f"/x?{query}"), key, SCOPE, 0))[b"authorization"] for query in ("b=/&a", "a=&b=%2F")]
    assert proofs[0] == proofs[1]


class Pieced:
    """A body in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def __len__(self) -> int:
        return sum(map(len, self._pieces))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def __bytes__(self) -> bytes:
        return b"".join(self._pieces)


def test_body_when_in_pieces_then_signed_as_the_whole() -> None:
    key = AccessKey("AKIDEXAMPLE12345", Secret("s"))
    whole, pieced = request_of("/x", b"abcd"), request_of("/x").head
    in_pieces = UpstreamRequest(pieced, Pieced(b"ab", b"", b"cd"), TIMES)
    assert signed_headers(whole, key, SCOPE, 0) == signed_headers(in_pieces, key, SCOPE, 0)


@pytest.mark.parametrize("changed", [b"{ }", b""])
def test_body_when_another_then_another_signature(changed: bytes) -> None:
    key = AccessKey("AKIDEXAMPLE12345", Secret("s"))
    assert signed_headers(request_of("/x", b"{}"), key, SCOPE, 0) != signed_headers(request_of("/x", changed), key, SCOPE, 0)
