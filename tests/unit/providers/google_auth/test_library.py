"""Are credentials of other kinds used through Google's library, over the gateway's transport, and only where they are needed?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from providers.errors import ConfigurationError, ConnectFailed, CredentialError, ProviderError
from providers.google_auth import library
from providers.google_auth.access import access_of
from providers.transport.slim import SlimTransport
from providers.types import Credential, Secret
from tests.fakes.google import GoogleTokens
from tests.fakes.vendor import Said, Seen, Vendor, said, vendor

SUBJECT = "subject-token-of-another-cloud"


def exchanged(seen: Seen) -> Said:
    form = parse_qs(seen.body.decode())
    assert form["subject_token"] == [SUBJECT]
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:token-exchange"]
    kind = "urn:ietf:params:oauth:token-type:access_token"
    return said({"access_token": "ya29.federated", "issued_token_type": kind, "token_type": "Bearer", "expires_in": 3599})


@pytest.fixture
def upstream() -> Iterator[Vendor]:
    with vendor({"/sts": exchanged}) as upstream:
        yield upstream


@pytest.fixture
async def transport() -> AsyncIterator[SlimTransport]:
    transport = SlimTransport()
    yield transport
    await transport.aclose()


def federated(token_url: str, folder: Path) -> str:
    """The configuration of a workload identity whose token is in a file."""
    (folder / "token").write_text(SUBJECT)
    return json.dumps(
        {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/p",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": token_url,
            "credential_source": {"file": str(folder / "token")},
        }
    )


async def token(file: str, transport: SlimTransport) -> str:
    found = access_of(Credential(Secret(file))).tokens
    assert found is not None
    return (await found.value(transport, 0.0)).reveal()


async def test_workload_identity_when_a_token_is_needed_then_the_library_fetches_it_over_our_transport(
    upstream: Vendor, transport: SlimTransport, tmp_path: Path
) -> None:
    assert await token(federated(f"{upstream.base}/sts", tmp_path), transport) == "ya29.federated"
    assert [seen.path for seen in upstream.seen] == ["/sts"]
    assert len(transport.counters()) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(said({"error": "invalid_grant", "error_description": SUBJECT}, 400), CredentialError), (None, ConnectFailed)],
)
async def test_workload_identity_when_it_is_refused_then_an_error_without_the_token(
    answer: Said | None, kind: type[ProviderError], upstream: Vendor, transport: SlimTransport, tmp_path: Path
) -> None:
    if answer is not None:
        upstream.answers["/sts"] = lambda seen: answer
    base = upstream.base if answer is not None else "http://127.0.0.1:9"
    with pytest.raises(kind) as raised:
        await token(federated(f"{base}/sts", tmp_path), transport)
    assert SUBJECT not in f"{raised.value!r}{raised.value.public_message}"


async def test_default_credentials_when_the_environment_names_a_file_then_it_is_used(
    transport: SlimTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = GoogleTokens()
    with vendor({"/token": google.exchange}) as upstream:
        path = tmp_path / "key.json"
        path.write_text(google.file(f"{upstream.base}/token"))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        source = library.default_source()
        assert (await source.token(transport, 0.0)).value.reveal() == "ya29.token-1"


def test_workload_identity_when_its_source_is_a_program_then_configuration_error(tmp_path: Path) -> None:
    file = {**json.loads(federated("https://sts.googleapis.com/v1/token", tmp_path)), "credential_source": {"executable": {}}}
    with pytest.raises(ConfigurationError, match="refuses"):
        access_of(Credential(Secret(json.dumps(file))))


def test_library_when_it_is_missing_then_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    with pytest.raises(ConfigurationError, match=r"signalbox-gateway\[vertex\]"):
        access_of(Credential(), "adc")


def test_library_when_no_such_credential_is_there_then_it_is_not_imported() -> None:
    code = "import sys, providers.google_auth.access as a; from providers.types import Credential, Secret;"
    code += (
        "a.access_of(Credential(Secret('AIzaSy-1'))); a.access_of(Credential(), 'metadata'); print('google.auth' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_kinds_when_compared_with_the_library_then_each_is_one_of_its() -> None:
    from google.auth import _default

    own: Any = _default._VALID_TYPES
    assert set(library.KINDS) <= set(own)
