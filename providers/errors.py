"""What can go wrong upstream, and what may the router do about it?

    ProviderError
    ├── CallerError            the request itself was refused (400, 413, 422): passed through
    │   ├── PromptRefused      what is asked for is against the provider's rules, whatever status says so
    │   ├── Unsupported        this provider cannot do what is asked, and was not asked; another one may
    │   └── OwnCredentialError the key that the request should bring is missing, or was refused
    ├── CredentialError        our key was refused or is missing (401, 403)
    ├── ModelNotFound          the upstream has no such model, deployment or path (404): the catalog names another than there is
    ├── RateLimited            429; `retry_after` seconds when the provider said so
    │   ├── RouteFull          a limit of the route's own, and the provider was not asked
    │   └── QuotaExceeded      the account's money or quota is used up
    │       └── OwnQuotaExceeded  that of the account whose key the request brought
    ├── Overloaded             503, 529, or `overloaded_error` in a stream
    ├── UpstreamFailed         other 5xx
    │   └── UpstreamTimedOut   504 said by the upstream
    ├── ConnectFailed          refused, unreachable
    │   ├── DnsFailed
    │   ├── TlsFailed
    │   └── AddressRefused     the name leads where it must not
    ├── UpstreamReset          the connection broke
    ├── DeadlineExceeded       a time-out of ours
    │   ├── ConnectTimeout, FirstByteTimeout, IdleTimeout, TotalTimeout
    ├── ProtocolViolation      the answer breaks HTTP or a limit
    │   ├── ResponseTooLarge, RedirectRefused
    │   └── InvalidResponse    the answer is HTTP but not what was asked for
    │       ├── EmptyStream, StreamTruncated
    └── AdapterFailed          a defect of ours

`FailureClass` alone decides retry, fallback or stop; `status` and `code` only shape the public reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})

CREDENTIALS_FIELD = "tensorzero::credentials"
"""Where a request brings credentials of its own."""


class FailureClass(StrEnum):
    CALLER = "caller"
    UNSUPPORTED = "unsupported"
    CREDENTIAL = "credential"
    MODEL = "model"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    OVERLOAD = "overload"
    TRANSIENT = "transient"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    INTERNAL = "internal"


class Policy(NamedTuple):
    """What the router may do: try the same target again, go to the next one, count it against the target."""

    retry: bool
    fallback: bool
    counts: bool


POLICIES = MappingProxyType(
    {
        FailureClass.CALLER: Policy(retry=False, fallback=False, counts=False),
        FailureClass.UNSUPPORTED: Policy(retry=False, fallback=True, counts=False),
        FailureClass.CREDENTIAL: Policy(retry=False, fallback=True, counts=True),
        # A 404 costs one round trip, and its words may be misread: what one client asks for must not cool a target for all.
        FailureClass.MODEL: Policy(retry=False, fallback=True, counts=False),
        FailureClass.RATE_LIMIT: Policy(retry=False, fallback=True, counts=False),
        FailureClass.QUOTA: Policy(retry=False, fallback=True, counts=True),
        FailureClass.OVERLOAD: Policy(retry=True, fallback=True, counts=True),
        FailureClass.TRANSIENT: Policy(retry=True, fallback=True, counts=True),
        FailureClass.UNREACHABLE: Policy(retry=True, fallback=True, counts=True),
        FailureClass.TIMEOUT: Policy(retry=False, fallback=True, counts=True),
        FailureClass.PROTOCOL: Policy(retry=False, fallback=True, counts=True),
        FailureClass.INTERNAL: Policy(retry=False, fallback=False, counts=False),
    }
)


class ProviderError(Exception):
    """The provider failed."""

    failure: ClassVar[FailureClass] = FailureClass.INTERNAL
    status: ClassVar[int] = 502
    type: ClassVar[str] = "upstream_error"
    code: ClassVar[str] = "upstream_error"

    def __init__(
        self,
        detail: str = "",
        *,
        said: str = "",
        more: Mapping[str, Any] = NOTHING_MORE,
        retry_after: float | None = None,
        upstream_status: int | None = None,
    ) -> None:
        """`detail` is for logs and must hold no secret; the public text is the docstring, and what the upstream `said`
        in an answer that seemed good; `more` are the further fields of its error. `retry_after` is in seconds."""
        super().__init__(detail or (type(self).__doc__ or ""))
        self.detail = detail
        self.said = said
        self.more = more
        self.retry_after = retry_after
        self.upstream_status = upstream_status

    @property
    def public_message(self) -> str:
        return f"{(type(self).__doc__ or '').partition(chr(10))[0]} {self.said}".rstrip()

    @property
    def policy(self) -> Policy:
        return POLICIES[self.failure]


class CallerError(ProviderError):
    """The provider refused the request."""

    failure = FailureClass.CALLER
    type = "invalid_request_error"

    def __init__(
        self,
        public_status: int,
        message: str,
        *,
        error_type: str = "",
        code: str | None = None,
        param: str | None = None,
        more: Mapping[str, Any] = NOTHING_MORE,
    ) -> None:
        """What the upstream said, already scrubbed; `public_status` is its own status."""
        super().__init__(message, more=more, upstream_status=public_status)
        self.message = message
        self.error_type = error_type or self.type
        self.upstream_code = code
        self.param = param


class PromptRefused(CallerError):
    """The provider refused the prompt."""


class Unsupported(CallerError):
    """The provider cannot do what is asked."""

    failure = FailureClass.UNSUPPORTED


class OwnCredentialError(CallerError):
    """The request includes no credential for the provider, or one that it rejects."""

    code = "own_credential_failed"
    failure = FailureClass.UNSUPPORTED  # another provider may take what the request brings; nothing counts against this one

    def __init__(self, name: str, *, refused: bool = False, upstream_status: int | None = None) -> None:
        """`name` is that of the credential (`dynamic::NAME`)."""
        if refused:
            message = f"The provider rejected the credential {name!r} from {CREDENTIALS_FIELD!r} of the request."
        else:
            message = f'The request must include the credential {name!r}, as in "{CREDENTIALS_FIELD}": {{"{name}": "KEY"}}.'
        super().__init__(400, message, code=("credential_refused" if refused else "missing_credential"), param=CREDENTIALS_FIELD)
        self.detail = f"status {upstream_status}" if upstream_status else ""


class CredentialError(ProviderError):
    """The provider rejected the gateway's credential."""

    failure = FailureClass.CREDENTIAL
    code = "upstream_auth_failed"


class ModelNotFound(ProviderError):
    """The provider does not know the model, deployment or path that the gateway requested."""

    failure = FailureClass.MODEL
    code = "upstream_model_not_found"


class RateLimited(ProviderError):
    """The provider's rate limit was exceeded."""

    failure = FailureClass.RATE_LIMIT
    status = 429
    type = "rate_limit_error"
    code = "upstream_rate_limited"


class RouteFull(RateLimited):
    """The model's providers have as many requests as they take."""

    code = "rate_limit_exceeded"


class QuotaExceeded(RateLimited):
    """The gateway's account at the provider has exceeded its quota."""

    failure = FailureClass.QUOTA
    type = "insufficient_quota"
    code = "upstream_quota_exceeded"


class OwnQuotaExceeded(QuotaExceeded):
    """The provider account of the credential in the request has exceeded its quota."""


class Overloaded(ProviderError):
    """The provider is overloaded."""

    failure = FailureClass.OVERLOAD
    status = 503
    type = "overloaded_error"
    code = "upstream_overloaded"


class UpstreamFailed(ProviderError):
    """The provider answered with a server error."""

    failure = FailureClass.TRANSIENT
    code = "upstream_server_error"


class UpstreamTimedOut(UpstreamFailed):
    """The provider answered that it timed out."""

    status = 504
    type = "upstream_timeout"
    code = "upstream_timeout"


class ConnectFailed(ProviderError):
    """The provider could not be reached."""

    failure = FailureClass.UNREACHABLE
    code = "upstream_connect_failed"


class DnsFailed(ConnectFailed):
    """The provider's host name could not be resolved."""

    code = "upstream_dns_failed"


class TlsFailed(ConnectFailed):
    """The TLS connection to the provider failed."""

    code = "upstream_tls_failed"


class AddressRefused(ConnectFailed):
    """The provider's host name resolves to a non-public address, which GATEWAY_PRIVATE_UPSTREAMS does not allow."""

    failure = FailureClass.PROTOCOL
    code = "upstream_address_refused"


class UpstreamReset(ProviderError):
    """The provider closed the connection before it answered."""

    failure = FailureClass.TRANSIENT
    code = "upstream_reset"


class DeadlineExceeded(ProviderError):
    """The provider took too long."""

    failure = FailureClass.TIMEOUT
    status = 504
    type = "upstream_timeout"
    code = "upstream_timeout"


class ConnectTimeout(DeadlineExceeded):
    """Connecting to the provider timed out."""

    code = "connect_timeout"


class FirstByteTimeout(DeadlineExceeded):
    """The provider did not start its answer in time."""

    code = "ttft_timeout"


class IdleTimeout(DeadlineExceeded):
    """The provider stopped sending in the middle of its answer."""

    code = "upstream_idle_timeout"


class TotalTimeout(DeadlineExceeded):
    """The answer exceeded the total time-out."""

    code = "total_timeout"


class ProtocolViolation(ProviderError):
    """The provider's answer broke the HTTP protocol."""

    failure = FailureClass.PROTOCOL
    code = "upstream_protocol_error"


class ResponseTooLarge(ProtocolViolation):
    """The provider's answer was too large."""

    code = "upstream_response_too_large"


class RedirectRefused(ProtocolViolation):
    """The provider answered with a redirect, which is not followed."""

    code = "upstream_redirect_refused"


class InvalidResponse(ProtocolViolation):
    """The provider's answer could not be understood."""

    code = "upstream_invalid_response"


class EmptyStream(InvalidResponse):
    """The provider's stream ended before its first event."""

    code = "upstream_empty_stream"


class StreamTruncated(InvalidResponse):
    """The provider's stream ended before it was complete."""

    code = "upstream_stream_truncated"


class AdapterFailed(ProviderError):
    """The gateway failed while talking to the provider."""

    status = 500
    type = "internal_error"
    code = "internal_error"


class Failure(NamedTuple):
    """What a client is told of a failure, not yet in the words of any format. `kind` and `code` are OpenAI's where it has
    them, `more` are the further fields of an upstream's error. Rendered once: whole by a dialect, in a stream by its relay."""

    status: int
    code: str | None
    kind: str
    message: str
    param: str | None = None
    more: Mapping[str, Any] = NOTHING_MORE


class ConfigurationError(ValueError):
    """A target cannot be built from its catalog row; `field` names the attribute at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


def own_failure(dynamic: str, error: ProviderError) -> ProviderError:
    """The failure as it is to be told where the request brought the credential of that name ("": the operator's was sent)."""
    if dynamic and isinstance(error, CredentialError):
        return OwnCredentialError(dynamic, refused=True, upstream_status=error.upstream_status)
    if dynamic and isinstance(error, QuotaExceeded):
        status = error.upstream_status
        return OwnQuotaExceeded(error.detail, said=error.said, retry_after=error.retry_after, upstream_status=status)
    return error
