"""Is an upstream trusted whose certificate is of an authority that only the operator knows, with either transport?"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.raw_upstream import PEM, RawUpstream, raw_upstream
from tests.integration.test_wire_faults import with_tls
from tests.live import PROVIDER_KEY, LiveGateway, error_of
from tests.live_fixtures import StartGateway

AUTHORITY, SERVER = "an authority of a test", "a server of a test"


def name_of(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def signed(subject: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name_of(AUTHORITY), name_of(subject), key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    return builder.add_extension(address, critical=False).sign(by, hashes.SHA256())


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `openssl rehash` makes it, with the authority, and what the server needs beside it."""
    folder = tmp_path_factory.mktemp("authorities")
    root, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = signed(AUTHORITY, root, root, authority=True)
    # The name of a file is the hash of the subject in canonical form: without the outer header, in lower case.
    number = int.from_bytes(hashlib.sha1(authority.subject.public_bytes()[2:], usedforsecurity=False).digest()[:4], "little")
    (folder / f"{number:08x}.0").write_bytes(authority.public_bytes(PEM))
    plain = server.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate = signed(SERVER, server, root, authority=False)
    (folder.parent / "server.pem").write_bytes(plain + certificate.public_bytes(PEM))
    return folder


@pytest.fixture(scope="module")
def upstream(trusted: Path) -> Iterator[RawUpstream]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted.parent / "server.pem")
    with raw_upstream(with_tls(context)) as upstream:
        yield upstream


def define(gateway: LiveGateway, upstream: RawUpstream) -> None:
    row = {"name": "inside", "type": "openai_compatible", "api_base": upstream.url("https"), "api_key": PROVIDER_KEY}
    gateway.operator.define([row], [])
    gateway.define_models({"inside": [{"upstream_model": "m", "provider": "inside"}]})


@pytest.mark.parametrize("transport", ["slim", "httpx"])
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_upstream_when_its_authority_is_named_is_asked(
    start_gateway: StartGateway, trusted: Path, upstream: RawUpstream, variable: str, transport: str
) -> None:
    place = trusted if variable == "SSL_CERT_DIR" else next(trusted.iterdir())
    gateway = start_gateway(**{variable: str(place), "GATEWAY_TRANSPORT": transport})
    define(gateway, upstream)
    assert gateway.chat("inside").json()["choices"][0]["message"]["content"] == "hello"


@pytest.mark.parametrize("transport", ["slim", "httpx"])
def test_upstream_when_its_authority_is_not_named_gets_nothing(
    start_gateway: StartGateway, upstream: RawUpstream, transport: str
) -> None:
    gateway = start_gateway(GATEWAY_TRANSPORT=transport)
    define(gateway, upstream)
    before = len(upstream.received)
    assert error_of(gateway.chat("inside"))["code"] == "upstream_tls_failed"
    assert len(upstream.received) == before
