"""What does a target show to Google? A key or a token as it is, or tokens that are fetched and renewed, by its credential.

| credential | shown |
|---|---|
| an API key (also of Vertex in express mode) | `x-goog-api-key` |
| an access token, `ya29.…` | `Authorization: Bearer`, as long as it lasts |
| the JSON of a service account, or of a person's grant (`authorized_user`) | tokens from its token endpoint |
| other JSON of Google's (workload identity, impersonation) | tokens by google-auth (`library.py`) |
| none, token source "metadata" | tokens of the machine's own service account |
| none, token source "adc" | tokens of Application Default Credentials, by google-auth |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from providers.errors import CREDENTIALS_FIELD, CallerError, ConfigurationError
from providers.google_auth import library
from providers.google_auth.service_account import ServiceAccount
from providers.google_auth.sources import MetadataSource, RefreshSource, ServiceAccountSource, Source
from providers.google_auth.tokens import Tokens
from providers.http_vendor import origin_of
from providers.signing import KeyHeader
from providers.transport import Origin
from providers.types import Credential

TOKEN_ENDPOINT = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
METADATA_HOST = "metadata.google.internal"
METADATA, ADC = "metadata", "adc"
TOKEN_SOURCES = ("", METADATA, ADC)
KINDS = ("service_account", "authorized_user")
ACCESS_TOKEN = "ya29."  # noqa: S105 - how one begins
_tokens: WeakValueDictionary[bytes, Tokens] = WeakValueDictionary()
_lock = Lock()
"""Catalogs are compiled in threads."""


@dataclass(frozen=True, slots=True)
class Access:
    """`key` is what stands in every request, which may be nothing, `tokens` are those that sign each. `project` is the one of a
    service account's file, "" if nothing tells."""

    key: KeyHeader
    tokens: Tokens | None = None
    project: str = ""


def access_of(credential: Credential, token_source: str = "", metadata_host: str = "") -> Access:
    """What a target shows. Targets with the same credential share their tokens. Raises `ConfigurationError`, which shows no
    value."""
    if token_source not in TOKEN_SOURCES:
        raise ConfigurationError("options", f"token_source must be {METADATA!r} or {ADC!r}; got {token_source!r:.40}")
    text = credential.secret.reveal() if credential.secret else ""
    if text.startswith("{"):
        file = _file(text)
        project = file.get("project_id") or file.get("quota_project_id") or ""
        tokens = _shared(f"file\n{text}", lambda: _of_file(file))
        return Access(KeyHeader(Credential(), header), tokens, project if isinstance(project, str) else "")
    if credential.secret or credential.dynamic or not token_source:
        return Access(KeyHeader(credential, header))
    nothing = KeyHeader(Credential(), header)
    if token_source == ADC:
        return Access(nothing, _shared(ADC, library.default_source))
    origin = _metadata_origin(metadata_host)
    return Access(nothing, _shared(f"{METADATA}\n{origin}", lambda: MetadataSource(origin)))


def header(key: str) -> tuple[str, str]:
    """The header, name in lower case, that carries a key or an access token. Raises `CallerError` for a file that a request
    brings: its key is for the token endpoint, and nobody else is shown it."""
    if key.startswith("{"):
        message = "A credential in the request must be an API key or an access token of Google's, not a JSON file."
        raise CallerError(400, message, param=CREDENTIALS_FIELD)
    return ("authorization", f"Bearer {key}") if key.startswith(ACCESS_TOKEN) else ("x-goog-api-key", key)


def _of_file(file: Mapping[str, Any]) -> Source:
    kind = file.get("type")
    if kind in library.KINDS:
        return library.file_source(file)
    if kind not in KINDS:
        known = ", ".join(map(repr, (*KINDS, *library.KINDS)))
        raise ConfigurationError("credential", f"the credential is JSON whose 'type' is {kind!r:.40}; known are {known}")
    address = file.get("token_uri") or TOKEN_ENDPOINT
    if not isinstance(address, str):
        raise ConfigurationError("credential", "the 'token_uri' of the credential is no address")
    try:
        origin, path, query = origin_of(address, "Google")
    except ConfigurationError as error:
        raise ConfigurationError("credential", f"the 'token_uri' of the credential: {error.message}") from error
    path = f"{path}?{query}" if query else path
    if kind == "service_account":
        return ServiceAccountSource(ServiceAccount.of(file), origin, path)
    return RefreshSource(*_grant(file), origin, path)


def _grant(file: Mapping[str, Any]) -> tuple[str, str, str]:
    names = ("client_id", "client_secret", "refresh_token")
    missing = [name for name in names if not isinstance(file.get(name), str) or not file[name]]
    if missing:
        raise ConfigurationError("credential", f"the credential of type 'authorized_user' has no {missing[0]!r}")
    client, secret, token = (str(file[name]) for name in names)
    return client, secret, token


def _file(text: str) -> Mapping[str, Any]:
    try:
        file = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ConfigurationError("credential", f"the credential is not readable JSON: {error}") from None
    assert isinstance(file, dict), "it begins like one"  # noqa: S101
    return file


def _metadata_origin(host: str) -> Origin:
    try:
        origin, path, query = origin_of(f"http://{host or METADATA_HOST}", "Google")
    except ConfigurationError as error:
        raise ConfigurationError("options", f"metadata_host: {error.message}") from error
    if path or query:
        raise ConfigurationError("options", "metadata_host must be a host, perhaps with a port")
    return origin


def _shared(what: str, make: Callable[[], Source]) -> Tokens:
    """The tokens of whoever shows the same. Catalogs are compiled anew with every change, and tokens should outlive that."""
    name = sha256(what.encode()).digest()
    with _lock:
        found = _tokens.get(name)
        if found is None:
            found = _tokens[name] = Tokens(make())
        return found
