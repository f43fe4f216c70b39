"""What proves to each host who sends a request? A key in a header of its own, what AWS takes, or a token of Google's."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from providers.aws.chain import source_of
from providers.aws.credentials import AccessKey, ApiKey, credentials_in
from providers.aws.signer import AwsSigner
from providers.aws.sigv4 import Scope
from providers.errors import ConfigurationError, CredentialError
from providers.google_auth.access import access_of
from providers.google_auth.tokens import Tokens
from providers.signing import KeyHeader, Signer
from providers.types import TargetConfig

MANTLE = "bedrock-mantle"
"""The service that signatures are for."""
MANTLE_HOST = re.compile(r"bedrock-mantle\.([a-z0-9-]+)\.api\.aws")


class Proof(NamedTuple):
    """`tokens` sign where there are any."""

    signer: KeyHeader | Signer
    tokens: Tokens | None = None


def in_x_api_key(config: TargetConfig) -> Proof:
    """Anthropic's own way, and Azure's."""
    return Proof(KeyHeader(config.credential, lambda key: ("x-api-key", key)))


def for_vertex(config: TargetConfig) -> Proof:
    """Google's tokens: of a service account's file, of the machine, or one that was made elsewhere."""
    options = config.options
    access = access_of(config.credential, str(options.get("token_source") or ""), str(options.get("metadata_host") or ""))
    return Proof(access.key, access.tokens)


def for_mantle(config: TargetConfig) -> Proof:
    """An API key as it is, or a signature by an access key: the target's own, the request's, or that of a profile of the machine.
    Raises `ConfigurationError`."""
    credential, profile = config.credential, str(config.options.get("profile") or "")
    own = credentials_in(credential.secret.reveal()) if credential.secret else None
    signs = isinstance(own, AccessKey) or bool(profile and own is None)
    if not signs and credential.dynamic is None:
        return _as_bearer(config)
    source = source_of(profile) if profile and own is None else _nothing
    return Proof(AwsSigner(credential, Scope(_region(config, needed=signs), MANTLE), source))


def _as_bearer(config: TargetConfig) -> Proof:
    return Proof(KeyHeader(config.credential, lambda key: ("authorization", f"Bearer {key}")))


def _region(config: TargetConfig, *, needed: bool) -> str:
    try:
        found = MANTLE_HOST.fullmatch(urlsplit(config.api_base).hostname or "")
    except ValueError:
        found = None
    region = str(config.options.get("region") or (found[1] if found else ""))
    if needed and not region:
        raise ConfigurationError("options", "an AWS access key needs the option 'region', or an address that names one")
    return region


async def _nothing() -> AccessKey | ApiKey:
    raise CredentialError("there is no credential")
