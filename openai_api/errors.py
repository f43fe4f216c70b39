"""What does a client see when something fails? One tree of values, each rendered once, at the edge.

    ApiError
    ├── InvalidKey
    ├── StoreUnavailable
    └── upstream(...)   made from a `ProviderError` when no target is left

Everything else that goes wrong is `internal_error` and a request id.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from providers.errors import NOTHING_MORE, CallerError, Failure, ProviderError

Headers = tuple[tuple[bytes, bytes], ...]
CLOSE: Headers = ((b"connection", b"close"),)
RETRY_SOON: Headers = ((b"retry-after", b"1"),)
STOPPED = "stopped_by_operator"


class ApiError(Exception):
    """A failure as the client sees it. `type` and `code` are OpenAI's words where it has them."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        headers: Headers = (),
        more: Mapping[str, Any] = NOTHING_MORE,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code: str | None = code
        self.type = kind
        self.message = message
        self.param = param
        self.headers = headers
        self.more = more

    def failure(self) -> Failure:
        """What is told of it, for whatever renders it."""
        return Failure(self.status, self.code, self.type, self.message, self.param, self.more)


def invalid(code: str, message: str, param: str | None = None, status: int = 400) -> ApiError:
    """The request is at fault."""
    return ApiError(status, code, message, param=param)


def conflicting_credentials() -> ApiError:
    """Nobody can say which of the keys is meant."""
    return invalid("conflicting_credentials", "The request carries two different API keys. Send one.")


class InvalidKey(ApiError):
    """One and the same for every key that does not let the caller in, and for none; only `given` differs, which nobody sees."""

    def __init__(self, given: bool) -> None:
        message = "Missing or invalid API key."
        headers = ((b"www-authenticate", b"Bearer"), (b"x-should-retry", b"false"))
        super().__init__(401, "invalid_api_key", message, headers=headers)
        self.given = given


def too_many_guesses(seconds: int) -> ApiError:
    """In place of `InvalidKey`, for an address from which too many such keys have come."""
    message = "Too many requests with an invalid API key from this address."
    headers = ((b"retry-after", b"%d" % seconds), (b"x-should-retry", b"false"))
    return ApiError(429, "too_many_invalid_keys", message, kind="rate_limit_error", headers=headers)


def model_not_found(model: str) -> ApiError:
    """One and the same for a model that does not exist and one that the key may not use."""
    message = f"The model {model!r} does not exist or you do not have access to it."
    return ApiError(404, "model_not_found", message, param="model")


class StoreUnavailable(ApiError):
    """The database with stored responses and jobs cannot be reached."""

    def __init__(self) -> None:
        message = "Stored responses are temporarily unavailable."
        super().__init__(503, "store_unavailable", message, kind="overloaded_error", headers=RETRY_SOON)


def not_ready() -> ApiError:
    """The first snapshot has not been loaded, so no key can be known."""
    return ApiError(503, "not_ready", "The gateway is not ready yet.", kind="overloaded_error", headers=((b"retry-after", b"1"),))


def server_draining() -> ApiError:
    """The server ends and can wait no longer."""
    return ApiError(503, "server_draining", "The gateway is shutting down.", kind="overloaded_error", headers=RETRY_SOON)


def stopped_by_operator() -> ApiError:
    """Somebody has stopped this one request in the admin; programs must not send it again by themselves."""
    message = "An operator of the gateway has stopped this request."
    return ApiError(503, STOPPED, message, kind="overloaded_error", headers=((b"x-should-retry", b"false"),))


def internal_error(request_id: str) -> ApiError:
    """A defect of ours: the log has the rest under this id."""
    return ApiError(500, "internal_error", f"Internal error. Request id: {request_id}", kind="internal_error")


def upstream(error: ProviderError) -> ApiError:
    """What the last failure means for the client, once no target is left."""
    if isinstance(error, CallerError):
        status, message = error.upstream_status or 400, error.message
        api_error = ApiError(status, "", message, kind=error.error_type, param=error.param, more=error.more)
        api_error.code = error.upstream_code
        return api_error
    headers: Headers = ((b"x-should-retry", b"false"),)
    if error.status == 429:
        headers = ((b"retry-after", b"%d" % max(1, ceil(error.retry_after or 1))),)
    return ApiError(error.status, error.code, error.public_message, kind=error.type, headers=headers, more=error.more)
