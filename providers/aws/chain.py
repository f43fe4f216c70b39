"""Which credentials does this machine have? Those of its environment, or what AWS's own library finds.

The library (`botocore`, of the extra `bedrock`) knows profiles, single sign-on, web identities, containers and instance roles. It
is imported when it is first needed, asked in a thread, since it may ask the network, and renews what it found before it expires.
"""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.util import find_spec
from threading import Lock
from time import monotonic
from typing import Any

from providers.aws.credentials import FIELD, AccessKey, ApiKey, credentials_of_environment
from providers.aws.signer import Source
from providers.errors import ConfigurationError, CredentialError
from providers.types import Secret

DEFAULT = "default"
"""Means whatever AWS's own programs would use here, with or without a profile of that name."""
FRESH_S = 60.0
"""How long what was found is used without asking again. The library renews fifteen minutes before the end."""


def source_of(profile: str = "") -> Source:
    """What gives the machine's credentials, those of a profile if one is named. Raises `ConfigurationError` if nothing can."""
    profile = "" if profile == DEFAULT else profile
    own = None if profile else credentials_of_environment()
    if own is not None:
        return _Told(own).credentials
    if find_spec("botocore") is None:
        message = "set a credential, or install the extra 'bedrock' for profiles and roles of AWS"
        raise ConfigurationError(FIELD, message)
    return _chain(profile).credentials


class _Told:
    """Credentials that stay as they are."""

    def __init__(self, found: AccessKey | ApiKey) -> None:
        self._found = found

    async def credentials(self) -> AccessKey | ApiKey:
        return self._found


class Chain:
    """What botocore finds, for all targets of one profile."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._found: AccessKey | None = None
        self._until = 0.0
        self._asking = False
        self._lock = Lock()
        self._resolved: Any = None

    async def credentials(self) -> AccessKey:
        """Those that are good now. Raises `CredentialError`."""
        if self._found is None or (monotonic() >= self._until and not self._asking):
            self._asking = True  # meanwhile others use what was found before
            try:
                self._found = await asyncio.to_thread(self._ask)
            finally:
                self._asking = False
            self._until = monotonic() + FRESH_S
        return self._found

    def _ask(self) -> AccessKey:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session

        with self._lock:
            try:
                if self._resolved is None:
                    self._resolved = Session(profile=self._profile or None).get_credentials()
                if self._resolved is None:
                    raise CredentialError("this machine has no AWS credentials")
                frozen = self._resolved.get_frozen_credentials()
            except BotoCoreError as error:  # its text may hold what a program or a service answered
                raise CredentialError(f"the AWS credentials cannot be had: {type(error).__name__}") from None
        return AccessKey(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token) if frozen.token else None)


@cache
def _chain(profile: str) -> Chain:
    return Chain(profile)
