"""Are Google's access tokens fetched as it asks, renewed in time, once for all, and kept while no new one comes?"""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from providers.errors import (
    CallerError,
    ConfigurationError,
    ConnectFailed,
    CredentialError,
    InvalidResponse,
    Overloaded,
    ProviderError,
    RateLimited,
    UpstreamFailed,
)
from providers.google_auth.access import Access, access_of, header
from providers.google_auth.tokens import Tokens, TokenSigner
from providers.masking import mask_of
from providers.signing import Signer
from providers.transport import Head, Origin, UpstreamRequest
from providers.transport.slim import SlimTransport
from providers.types import Credential, Secret, TargetConfig, Timeouts
from tests.fakes.google import EMAIL, METADATA_PATH, SCOPE, GoogleTokens, pem
from tests.fakes.vendor import Said, Vendor, said, vendor

REFUSED = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
NOW = 1_790_000_000.0


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def google() -> GoogleTokens:
    return GoogleTokens()


@pytest.fixture
def upstream(google: GoogleTokens) -> Iterator[Vendor]:
    with vendor({"/token": google.exchange, METADATA_PATH: google.metadata, "/ask": lambda seen: said({})}) as upstream:
        yield upstream


@pytest.fixture
async def transport() -> AsyncIterator[SlimTransport]:
    transport = SlimTransport()
    yield transport
    await transport.aclose()


def access(file: str) -> Access:
    return access_of(Credential(Secret(file)))


def tokens_of(google: GoogleTokens, upstream: Vendor, clock: Clock, **changes: Any) -> Tokens:
    found = access(google.file(f"{upstream.base}/token", **changes)).tokens
    assert found is not None
    return Tokens(found._source, clock)


async def shown(tokens: Tokens, transport: SlimTransport) -> str:
    return (await tokens.value(transport, NOW)).reveal()


# What is sent


async def test_service_account_when_a_token_is_needed_then_its_signed_claim_is_exchanged(
    google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    tokens = tokens_of(google, upstream, Clock())
    assert await shown(tokens, transport) == "ya29.token-1"
    times = {"iat": int(NOW), "exp": int(NOW) + 3600}
    assert google.claims == [{"iss": EMAIL, "scope": SCOPE, "aud": "https://oauth2.googleapis.com/token", **times}]


async def test_request_when_sent_then_it_shows_the_token(
    google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    tokens = tokens_of(google, upstream, Clock())
    origin = Origin("http", "127.0.0.1", int(upstream.base.rpartition(":")[2]))
    request = UpstreamRequest(Head("POST", origin, "/ask", ()), b"{}", Timeouts(5, 5, 5, 5))
    reply = await transport.fetch(tokens.signing(request, transport))
    assert reply.status == 200
    assert upstream.last.headers["authorization"] == "Bearer ya29.token-1"
    signer: Signer = TokenSigner(tokens, transport)
    assert await signer.sign({}, request, NOW) == ((b"authorization", b"Bearer ya29.token-1"),)


async def test_grant_of_a_person_when_used_then_it_is_refreshed(upstream: Vendor, transport: SlimTransport) -> None:
    file = {"type": "authorized_user", "client_id": "id-1", "client_secret": "secret-1", "refresh_token": "refresh-1"}
    found = access(json.dumps({**file, "token_uri": f"{upstream.base}/token"}))
    assert found.tokens is not None
    assert await shown(found.tokens, transport) == "ya29.token-1"


async def test_metadata_server_when_asked_then_its_token_is_shown(
    google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    found = access_of(Credential(), "metadata", upstream.base.removeprefix("http://"))
    assert found.tokens is not None
    assert await shown(found.tokens, transport) == "ya29.token-1"
    google.failing = said({"access_token": "ya29.other", "expires_in": 9})
    with pytest.raises(InvalidResponse, match="Metadata-Flavor"):
        await found.tokens._source.token(transport, NOW)


# When


async def test_token_when_it_is_good_then_nobody_asks_again(
    google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    clock = Clock()
    tokens = tokens_of(google, upstream, clock)
    await shown(tokens, transport)
    clock.now += 3599 - 301
    assert await shown(tokens, transport) == "ya29.token-1"
    assert google.given == 1


async def test_token_when_many_wait_then_it_is_fetched_once(
    google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    tokens = tokens_of(google, upstream, Clock())
    found = await asyncio.gather(*(shown(tokens, transport) for _ in range(20)))
    assert set(found) == {"ya29.token-1"}
    assert len(upstream.seen) == 1


async def test_token_when_one_who_waits_leaves_then_the_others_get_it(
    google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    tokens = tokens_of(google, upstream, Clock())
    first, second = (asyncio.ensure_future(shown(tokens, transport)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "ya29.token-1"
    assert len(upstream.seen) == 1


async def test_token_when_it_is_in_its_last_minutes_then_a_new_one_comes_beside_the_requests(
    google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    clock = Clock()
    tokens = tokens_of(google, upstream, clock)
    await shown(tokens, transport)
    clock.now += 3599 - 299
    assert {await shown(tokens, transport) for _ in range(3)} == {"ya29.token-1"}
    assert tokens._fetch is not None
    await tokens._fetch
    assert await shown(tokens, transport) == "ya29.token-2"
    assert google.given == 2


async def test_token_when_no_new_one_comes_then_the_old_one_is_shown_until_its_end(
    google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    clock = Clock()
    tokens = tokens_of(google, upstream, clock)
    await shown(tokens, transport)
    google.failing = Said(b"busy", 503)
    clock.now += 3599 - 299
    for _ in range(3):
        assert await shown(tokens, transport) == "ya29.token-1"
        assert tokens._fetch is not None
        await asyncio.wait([tokens._fetch])
    assert len(upstream.seen) == 2  # it is not asked again at once
    clock.now += 60
    assert await shown(tokens, transport) == "ya29.token-1"
    assert tokens._fetch is not None
    await asyncio.wait([tokens._fetch])
    assert len(upstream.seen) == 3
    clock.now += 300
    with pytest.raises(Overloaded):
        await shown(tokens, transport)
    google.failing = None
    assert await shown(tokens, transport) == "ya29.token-2"


async def test_tokens_when_targets_have_the_same_credential_then_they_share_them(google: GoogleTokens, upstream: Vendor) -> None:
    file = google.file(f"{upstream.base}/token")
    first, second = access(file), access(file)
    assert first.tokens is second.tokens
    assert access(google.file(f"{upstream.base}/token", private_key_id="other")).tokens is not first.tokens


def test_tokens_when_used_in_another_event_loop_then_they_are_fetched_there(google: GoogleTokens, upstream: Vendor) -> None:
    tokens = tokens_of(google, upstream, Clock())
    google.seconds = 1

    async def once() -> str:
        transport = SlimTransport()
        try:
            return await shown(tokens, transport)
        finally:
            await transport.aclose()

    assert asyncio.run(once()) == "ya29.token-1"
    tokens._end = 0.0
    assert asyncio.run(once()) == "ya29.token-2"


# Failures


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(REFUSED, 400), CredentialError),
        (said({"error": "invalid_client"}, 401), CredentialError),
        (said({}, 429, retry_after="7"), RateLimited),
        (Said(b"<html>", 500), UpstreamFailed),
        (Said(b"", 503), Overloaded),
        (Said(b"not json"), InvalidResponse),
        (said({"access_token": ""}), InvalidResponse),
        (said({"access_token": "a\r\nb"}), InvalidResponse),
        (said([]), InvalidResponse),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_token_endpoint_when_it_refuses_then_the_error_says_so_and_shows_no_secret(
    answer: Said, kind: type[ProviderError], google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    google.failing = answer
    with pytest.raises(kind) as raised:
        await shown(tokens_of(google, upstream, Clock()), transport)
    told = f"{raised.value}{raised.value.public_message}{''.join(traceback.format_exception(raised.value))}"
    assert "ey" + "J" not in told  # how a JSON Web Token begins
    assert pem().splitlines()[3] not in told


@pytest.mark.parametrize(("ahead", "word"), [(300, "300 s ahead of"), (-300, "300 s behind"), (5, "")])
async def test_clock_when_it_is_off_then_the_error_says_by_how_much(
    ahead: int, word: str, google: GoogleTokens, upstream: Vendor, transport: SlimTransport
) -> None:
    theirs = time.time()
    google.failing = said(REFUSED, 400, date=formatdate(theirs, usegmt=True))
    tokens = tokens_of(google, upstream, Clock())
    with pytest.raises(CredentialError) as raised:
        await tokens.value(transport, int(theirs) + ahead)
    told = raised.value.public_message
    assert word in told
    assert ("clock" in told) == bool(word)


async def test_token_endpoint_when_it_is_away_then_connect_failed(google: GoogleTokens, transport: SlimTransport) -> None:
    found = access(google.file("http://127.0.0.1:9/token"))
    assert found.tokens is not None
    with pytest.raises(ConnectFailed):
        await shown(found.tokens, transport)


def _elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"private_key": None}, "no 'private_key'"),
        ({"client_email": None}, "no 'client_email'"),
        ({"client_email": 1}, "no 'client_email'"),
        (
            {"private_key": "-----BEGIN PRIVATE KEY-----\nsecret-part-of-a-key\n-----END PRIVATE KEY-----\n"},
            "not a readable PEM key",
        ),
        ({"private_key": "secret-part-of-a-key"}, "not a readable PEM key"),
        ({"private_key": _elliptic()}, "not an RSA key"),
        ({"type": "external_account"}, "google-auth refuses the credential of type 'external_account'"),
        ({"type": "gdch_service_account"}, "'type' is 'gdch_service_account'"),
        ({"type": None}, "'type' is None"),
        ({"type": "authorized_user"}, "no 'client_secret'"),
        ({"token_uri": "ftp://a"}, "token_uri"),
        ({"token_uri": 1}, "token_uri"),
    ],
)
def test_file_when_it_cannot_be_used_then_configuration_error_without_its_secrets(
    changes: dict[str, Any], said: str, google: GoogleTokens
) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        access(google.file("https://oauth2.googleapis.com/token", **changes))
    told = "".join(traceback.format_exception(raised.value))
    assert "secret-part" not in told
    assert pem().splitlines()[3] not in told


@pytest.mark.parametrize("text", ["{", '{"type": "service_account"', '{"a": secret}'])
def test_file_when_it_is_no_json_then_configuration_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match="not readable JSON") as raised:
        access(text)
    assert "secret" not in str(raised.value)


def test_key_when_its_line_ends_are_written_out_then_it_is_read(google: GoogleTokens) -> None:
    assert access(google.file("https://oauth2.googleapis.com/token", private_key=pem().replace("\n", "\\n"))).tokens


@pytest.mark.parametrize(("source", "host"), [("vault", ""), ("metadata", "a b"), ("metadata", "host/path")])
def test_token_source_when_it_is_bad_then_configuration_error(source: str, host: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        access_of(Credential(), source, host)
    assert raised.value.field == "options"


def test_access_when_shown_then_no_secret_is(google: GoogleTokens) -> None:
    found = access(google.file("https://oauth2.googleapis.com/token"))
    told = f"{found!r}{vars(found.tokens)!r}"
    assert pem().splitlines()[3] not in told


# Keys


def test_header_when_a_key_is_given_then_it_is_the_one_of_its_kind() -> None:
    assert header("AIzaSy-1") == ("x-goog-api-key", "AIzaSy-1")
    assert header("ya29.a") == ("authorization", "Bearer ya29.a")
    with pytest.raises(CallerError, match="not a JSON file"):
        header('{"type": "service_account"}')


def test_access_when_the_credential_is_a_key_then_it_stands_in_the_header() -> None:
    found = access_of(Credential(Secret("AIzaSy-1")), "metadata")
    assert found.tokens is None
    assert found.key.fixed() == (("x-goog-api-key", "AIzaSy-1"),)
    assert access_of(Credential()).key.fixed() == ()
    assert access_of(Credential(dynamic="team"), "metadata").tokens is None


def test_mask_when_the_credential_is_a_file_then_its_key_is_redacted_and_its_names_are_not(google: GoogleTokens) -> None:
    file = Secret(google.file("https://oauth2.googleapis.com/token"))
    config = TargetConfig(id="t", provider="p", provider_type="vertex_ai", upstream_model="m", credential=Credential(file))
    line = pem().splitlines()[3]
    text = f"{EMAIL} at https://oauth2.googleapis.com/token has {line}"
    assert mask_of(config, {})(text) == f"{EMAIL} at https://oauth2.googleapis.com/token has ***"
