"""Who signs the requests of a target to AWS? Its own credentials, those of the request, or those that the machine has.

A bearer API key stands in every request as it is, an access key signs each. Which of them it is, the credential itself tells, so
that one provider may have both, and requests may bring either.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from providers.aws.credentials import AccessKey, ApiKey, credentials_in
from providers.aws.sigv4 import Scope, signed_headers
from providers.errors import CREDENTIALS_FIELD, CallerError, ConfigurationError, OwnCredentialError
from providers.offload import offload
from providers.transport import RequestHeader, UpstreamRequest
from providers.types import Credential, Secret

Source = Callable[[], Awaitable[AccessKey | ApiKey]]
"""Gives the credentials that are good now. Raises `ProviderError`."""


class AwsSigner:
    """A `Signer`. `source` gives credentials where the target has none of its own."""

    def __init__(self, credential: Credential, scope: Scope, source: Source) -> None:
        """Raises `ConfigurationError` for a credential that is none of AWS's."""
        self._own = credentials_in(credential.secret.reveal()) if credential.secret else None
        self._dynamic = credential.dynamic
        self._scope = scope
        self._source = source

    async def sign(self, credentials: Mapping[str, Secret], request: UpstreamRequest, at: float) -> tuple[RequestHeader, ...]:
        """The headers that sign a request which is sent now. Raises `ProviderError`."""
        if self._dynamic is not None:
            found = brought(credentials, self._dynamic)
        else:
            found = self._own or await self._source()
        if isinstance(found, ApiKey):
            return ((b"authorization", b"Bearer " + found.token.reveal().encode("ascii")),)
        return await offload(len(request.body), signed_headers, request, found, self._scope, at)


def brought(credentials: Mapping[str, Secret], name: str) -> AccessKey | ApiKey:
    """What the request brings under that name. Raises `OwnCredentialError` if it brings nothing, `CallerError` for what is no
    credential of AWS."""
    if not (secret := credentials.get(name)):
        raise OwnCredentialError(name)
    try:
        return credentials_in(secret.reveal())
    except ConfigurationError as error:
        raise CallerError(400, f"The credential {name!r}: {error.message}.", param=CREDENTIALS_FIELD) from None
