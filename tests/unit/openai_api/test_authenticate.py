"""Is a key recognised in every header that may carry it, and nobody let in without?"""

from __future__ import annotations

import time

import pytest

from models_catalog.snapshot import Client
from openai_api.dialects.openai import OPENAI
from openai_api.errors import ApiError, InvalidKey
from openai_api.http.credentials import keys_in
from openai_api.http.receive import checked_headers
from openai_api.pipeline.authenticate import authenticate
from tests.unit.openai_api.parts import KEY, NARROW_KEY, snapshot

Headers = list[tuple[bytes, bytes]]
K = KEY.encode()
CATALOG = snapshot(
    clients={
        "sk-expired": Client("c3", "expired", expires_at=time.time() - 1),
        "sk-lasting": Client("c4", "lasting", expires_at=time.time() + 3600),
    }
)


def caller(headers: Headers) -> Client:
    """Who calls with these headers, as a server hands them over."""
    names = OPENAI.credentials
    return authenticate(keys_in(checked_headers([(b"host", b"gateway"), *headers], names), names), CATALOG)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer " + K)],
        [(b"authorization", b"bearer " + K)],
        [(b"authorization", b"BEARER  " + K + b" ")],
        [(b"authorization", b" Bearer " + K)],
        [(b"authorization", K)],
        [(b"x-api-key", K)],
        [(b"x-api-key", b" " + K + b" ")],
        [(b"api-key", K)],
        [(b"authorization", b"Bearer " + K), (b"x-api-key", K), (b"api-key", K)],
        [(b"x-api-key", K), (b"x-api-key", K)],
        [(b"cookie", b"x"), (b"x-api-key", K), (b"x-goog-api-key", b"other")],
        [(b"authorization", b"\tBearer\t" + K + b"\t")],
        [(b"authorization", b"Bearer \t " + K)],
        [(b"authorization", b"Basic dXNlcjpwYXNz"), (b"x-api-key", K)],
        [(b"authorization", b'Digest username="u", realm="r"'), (b"api-key", K)],
        [(b"authorization", b"Token " + K), (b"x-api-key", K)],
        [(b"authorization", b"Negotiate"), (b"x-api-key", K)],
        [(b"authorization", b"AWS4-HMAC-SHA256 Credential=a/b, Signature=c"), (b"x-api-key", K)],
        [(b"authorization", b""), (b"x-api-key", K)],
        [(b"authorization", b" \t"), (b"api-key", K)],
        [(b"authorization", b"Bearer"), (b"x-api-key", K)],
        [(b"authorization", b"bearer "), (b"x-api-key", K)],
        [(b"authorization", b"Bearer " + K), (b"x-api-key", b"")],
        [(b"authorization", b"Bearer " + K), (b"x-api-key", b" "), (b"api-key", b"")],
        [(b"authorization", b"Basic dXNlcjpwYXNz"), (b"authorization", b"Bearer " + K)],
        [(b"authorization", b"Bearer " + K), (b"authorization", b"Basic dXNlcjpwYXNz")],
        [(b"authorization", b"Bearer " + K), (b"authorization", b"Bearer")],
        [(b"x-api-key", K), (b"x-api-key", b"")],
        [(b"authorization", b"Bearer " + K), (b"authorization", b"bearer  " + K)],
    ],
)
def test_key_when_it_stands_in_a_credential_header_then_the_caller_is_known(headers: Headers) -> None:
    assert caller(headers).id == "c1"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="no header"),
        pytest.param([(b"authorization", b"")], id="empty"),
        pytest.param([(b"authorization", b"Bearer")], id="only the scheme"),
        pytest.param([(b"authorization", b"Bearer ")], id="no key"),
        pytest.param([(b"authorization", b"Basic " + K)], id="another scheme"),
        pytest.param([(b"authorization", b"Basic " + K), (b"x-api-key", b"")], id="another scheme and an empty key"),
        pytest.param([(b"authorization", b"Token " + K)], id="the scheme Token"),
        pytest.param([(b"authorization", b"Basic")], id="only another scheme"),
        pytest.param([(b"authorization", b"Bearer"), (b"authorization", b"")], id="nothing twice"),
        pytest.param([(b"authorization", b"Bearer Bearer " + K)], id="scheme twice"),
        pytest.param([(b"authorization", b"Bearer " + K + b"x")], id="longer"),
        pytest.param([(b"authorization", b"Bearer " + K[:-1])], id="shorter"),
        pytest.param([(b"authorization", b"Bearer " + K.upper())], id="upper case"),
        pytest.param([(b"x-api-key", b"Bearer " + K)], id="scheme in x-api-key"),
        pytest.param([(b"x-api-key", b"\xff\x00")], id="bytes"),
        pytest.param([(b"x-api-key", b"' OR 1=1 --")], id="SQL"),
        pytest.param([(b"x-api-key", b"sk-expired")], id="expired"),
        pytest.param([(b"cookie", K), (b"proxy-authorization", b"Bearer " + K)], id="other headers"),
    ],
)
def test_key_when_it_does_not_let_the_caller_in_then_one_and_the_same_answer(headers: Headers) -> None:
    with pytest.raises(ApiError) as raised:
        caller(headers)
    assert (raised.value.status, raised.value.code) == (401, "invalid_api_key")
    assert raised.value.message == "Missing or invalid API key."
    assert raised.value.headers == ((b"www-authenticate", b"Bearer"), (b"x-should-retry", b"false"))


@pytest.mark.parametrize(
    ("headers", "given"),
    [
        ([], False),
        ([(b"authorization", b"Basic dXNlcjpwYXNz")], False),
        ([(b"authorization", b"Bearer")], False),
        ([(b"x-api-key", b"")], False),
        ([(b"authorization", b"unknown")], True),
        ([(b"authorization", b"Basic dXNlcjpwYXNz"), (b"x-api-key", b"unknown")], True),
    ],
)
def test_refusal_when_no_key_was_given_then_it_does_not_count_as_a_guess(headers: Headers, given: bool) -> None:
    with pytest.raises(InvalidKey) as raised:
        caller(headers)
    assert raised.value.given is given


@pytest.mark.parametrize("other", [NARROW_KEY.encode(), b"unknown"])
@pytest.mark.parametrize("names", [(b"authorization", b"x-api-key"), (b"api-key", b"x-api-key"), (b"x-api-key", b"x-api-key")])
def test_keys_when_two_different_ones_come_then_refused(names: tuple[bytes, bytes], other: bytes) -> None:
    for headers in ([(names[0], K), (names[1], other)], [(names[0], other), (names[1], K)]):
        with pytest.raises(ApiError) as raised:
            caller(headers)
        assert (raised.value.status, raised.value.code) == (400, "conflicting_credentials")
        assert KEY not in raised.value.message


def test_key_when_it_has_not_expired_yet_then_let_in() -> None:
    assert caller([(b"x-api-key", b"sk-lasting")]).id == "c4"


def test_client_when_its_models_are_limited_then_only_those() -> None:
    client = caller([(b"x-api-key", NARROW_KEY.encode())])
    assert (client.may_use("demo"), client.may_use("other")) == (True, False)
