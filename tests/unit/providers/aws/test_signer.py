"""Whose credentials sign a request: the target's own, those that the request brings, or those of the machine?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from providers.aws import chain
from providers.aws.chain import Chain, source_of
from providers.aws.credentials import AccessKey, ApiKey
from providers.aws.signer import AwsSigner
from providers.aws.sigv4 import Scope, signed_headers
from providers.errors import CallerError, ConfigurationError, CredentialError, OwnCredentialError
from providers.transport import Head, Origin, UpstreamRequest
from providers.types import Credential, Secret, Timeouts

SCOPE = Scope("us-east-1", "bedrock")
REQUEST = UpstreamRequest(Head("POST", Origin("https", "h", 443), "/model/m/converse", ()), b"{}", Timeouts(1, 1, 1, 1))
ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY = AccessKey(ID, Secret(SECRET))
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE")


async def nobodys() -> AccessKey | ApiKey:
    raise AssertionError("the machine was asked")


async def machines() -> AccessKey | ApiKey:
    return ApiKey(Secret("of-the-machine"))


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine has none, and looks for none on the network."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    chain._chain.cache_clear()


async def test_request_when_the_target_has_a_key_then_signed_with_it() -> None:
    signer = AwsSigner(Credential(Secret(f"{ID}:{SECRET}")), SCOPE, nobodys)
    assert await signer.sign({}, REQUEST, 1e9) == signed_headers(REQUEST, KEY, SCOPE, 1e9)


async def test_request_when_the_target_has_an_api_key_then_sent_as_it_is() -> None:
    signer = AwsSigner(Credential(Secret("ABSK123")), SCOPE, nobodys)
    assert await signer.sign({}, REQUEST, 1e9) == ((b"authorization", b"Bearer ABSK123"),)


async def test_request_when_the_target_has_nothing_then_the_machine_is_asked() -> None:
    assert await AwsSigner(Credential(), SCOPE, machines).sign({}, REQUEST, 1) == ((b"authorization", b"Bearer of-the-machine"),)


async def test_request_when_it_brings_a_key_then_signed_with_that() -> None:
    signer = AwsSigner(Credential(dynamic="aws"), SCOPE, nobodys)
    assert await signer.sign({"aws": Secret(f"{ID}:{SECRET}")}, REQUEST, 5) == signed_headers(REQUEST, KEY, SCOPE, 5)


async def test_request_when_it_brings_nothing_then_refused() -> None:
    with pytest.raises(OwnCredentialError):
        await AwsSigner(Credential(dynamic="aws"), SCOPE, machines).sign({"other": Secret("x")}, REQUEST, 5)


async def test_request_when_it_brings_what_is_no_key_then_a_bad_request_that_does_not_show_it() -> None:
    with pytest.raises(CallerError) as caught:
        await AwsSigner(Credential(dynamic="aws"), SCOPE, machines).sign({"aws": Secret(f"{SECRET}:x:y:z")}, REQUEST, 5)
    assert caught.value.upstream_status == 400
    assert SECRET not in caught.value.message


def test_target_when_its_credential_is_none_of_aws_then_it_cannot_be_built() -> None:
    with pytest.raises(ConfigurationError):
        AwsSigner(Credential(Secret("a:b:c:d")), SCOPE, nobodys)


async def test_machine_when_its_environment_has_a_key_then_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "credentials_of_environment", lambda: KEY)
    assert await source_of()() == KEY


async def test_machine_when_it_has_a_profile_then_the_library_finds_it(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(f"[work]\naws_access_key_id = {ID}\naws_secret_access_key = {SECRET}\n")
    assert await source_of("work")() == KEY


async def test_machine_when_it_has_no_credentials_then_told() -> None:
    with pytest.raises(CredentialError, match="this machine has no AWS credentials"):
        await source_of()()


async def test_profile_when_there_is_none_then_told() -> None:
    with pytest.raises(CredentialError, match="ProfileNotFound"):
        await source_of("nobodys")()


def test_machine_when_the_library_is_missing_then_the_target_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="extra 'bedrock'"):
        source_of()


class Renewed:
    """Credentials that are others each time."""

    def __init__(self) -> None:
        self.asked = 0

    def get_frozen_credentials(self) -> Any:
        self.asked += 1
        return type("Frozen", (), {"access_key": ID, "secret_key": f"secret-{self.asked}", "token": "t"})


async def test_credentials_when_fresh_then_not_asked_for_again_and_later_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(chain, "monotonic", lambda: now)
    found = Chain("")
    found._resolved = renewed = Renewed()
    first = await found.credentials()
    assert [await found.credentials() for _ in range(3)] == [first] * 3
    assert renewed.asked == 1
    now = chain.FRESH_S
    later = await asyncio.gather(*(found.credentials() for _ in range(3)))
    assert renewed.asked == 2
    assert (await found.credentials()).secret == Secret("secret-2")
    assert {made.secret.reveal() for made in later} <= {"secret-1", "secret-2"}
