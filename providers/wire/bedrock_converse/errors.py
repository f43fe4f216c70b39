"""What does a failure of AWS Bedrock mean?

Formats: REST-JSON of AWS: the type stands in the header `x-amzn-errortype` (perhaps with `:` and an address behind it) or in
`__type` (perhaps with a name space and `#` in front), the words in `message` or `Message`. In a stream an exception is a frame of
its own. Types: `bedrock-runtime` of botocore 1.44.8, and "Common error types" of the IAM User Guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from providers.canonical.answer import Failure
from providers.errors import (
    CallerError,
    CredentialError,
    ModelNotFound,
    Overloaded,
    PromptRefused,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RedirectRefused,
    UpstreamFailed,
    UpstreamTimedOut,
)
from providers.retry import retry_after_of
from providers.transport import Headers, find_header
from providers.wire.openai import errors as openai_errors
from providers.wire.openai.errors import MAX_MESSAGE, scrub

TYPE_HEADER = b"x-amzn-errortype"
Kind = type[ProviderError]
REFUSED_KEY = "accessdenied expiredtoken expiredtokenid unrecognizedclient invalidclienttokenid invalidsignature \
signaturedoesnotmatch incompletesignature missingauthenticationtoken missingauthentication optinrequired requestexpired \
requesttimetooskewed notauthorized unauthorized"
TYPES: Mapping[str, Kind] = MappingProxyType(
    dict.fromkeys(REFUSED_KEY.split(), CredentialError)
    | {
        "throttling": RateLimited,
        "throttled": RateLimited,
        "toomanyrequests": RateLimited,
        "requestlimitexceeded": RateLimited,
        "servicequotaexceeded": QuotaExceeded,
        "modelnotready": Overloaded,
        "serviceunavailable": Overloaded,
        "modeltimeout": UpstreamTimedOut,
        "modelerror": UpstreamFailed,
        "modelstreamerror": UpstreamFailed,
        "internalserver": UpstreamFailed,
        "internalfailure": UpstreamFailed,
        "resourcenotfound": ModelNotFound,
        "unknownoperation": ModelNotFound,
        "validation": CallerError,
        "serialization": CallerError,
    }
)
"""Type without `Exception` or `Error`, in lower case → what it means. A model that is not ready is being loaded, which is 429 at
Bedrock and no limit of the account."""


class Word(NamedTuple):
    """What a refused request really means, by its words; `code` is OpenAI's for it."""

    text: re.Pattern[str]
    means: Kind
    code: str | None = None


def _word(text: str, means: Kind, code: str | None = None) -> Word:
    return Word(re.compile(text, re.IGNORECASE), means, code)


WORDS = (
    _word(r"model identifier is invalid|on-demand throughput isn.t supported|doesn.t support on-demand", ModelNotFound),
    _word(
        r"model .{0,80}(?:is not supported in this region|has reached the end of its life|marked by provider as legacy)",
        ModelNotFound,
    ),
    _word(r"^operation not allowed|use case details have not been submitted|access to (?:this|the) model", CredentialError),
    _word(
        r"input is too long|prompt is too long|maximum context length|exceeds? the .{0,40}context",
        CallerError,
        "context_length_exceeded",
    ),
    _word(r"blocked by .{0,40}(?:content filter|guardrail)|content filtering policy", PromptRefused, "content_filter"),
)
CLOCK = re.compile(
    r"signature expired|signature not yet current|request ?time ?too ?skewed|is (?:now earlier|still later) than", re.IGNORECASE
)
CLOCK_SAID = "It does not accept the time of the request: check the clock of the gateway's machine."
SECRET = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bABSK[\w+/=]{8,}|\bbedrock-api-key-[\w+/=]+")
KEY_WORDS = frozenset({"RequestTimeTooSkewed", "RequestExpired"})


class Told(NamedTuple):
    """What an error says: its type as AWS spells it, and its words."""

    type: str
    message: str


def failure_of(status: int, headers: Headers, body: bytes, *, named_by_client: bool = False) -> ProviderError:
    """The error that an answer of no good status stands for. One whose type nobody knows is told by its status and its words."""
    told = _told(headers, body)
    if 300 <= status < 400:
        return RedirectRefused(f"status {status}", upstream_status=status)
    kind = TYPES.get(_bare(told.type))
    if kind is None:
        return openai_errors.failure_of(status, headers, body, named_by_client=named_by_client)
    return _error(kind, told, status, retry_after_of(headers))


def failure_of_told(failure: Failure) -> ProviderError:
    """The error that an exception in a stream stands for."""
    told = Told(failure.type or "", failure.message)
    kind = TYPES.get(_bare(told.type), UpstreamFailed)
    return _error(kind, told, failure.status, None, in_band=True)


def _error(kind: Kind, told: Told, status: int | None, retry_after: float | None, *, in_band: bool = False) -> ProviderError:
    code = None
    if issubclass(kind, CallerError | ModelNotFound):
        found = next((word for word in WORDS if word.text.search(told.message[:MAX_MESSAGE])), None)
        kind, code = (found.means, found.code) if found else (kind, None)
    if issubclass(kind, CallerError):
        message = hidden(told.message)[:MAX_MESSAGE] or "The provider refused the request."
        return kind(400 if status is None or not 400 <= status < 500 else status, message, code=code)
    said = hidden(told.message)[:MAX_MESSAGE] if in_band else ""
    if issubclass(kind, CredentialError):
        said = CLOCK_SAID if told.type in KEY_WORDS or CLOCK.search(told.message) else ""
    return kind(_detail(told, status), said=said, retry_after=retry_after, upstream_status=status)


def _detail(told: Told, status: int | None) -> str:
    """For the log: the first line, since after it AWS repeats what was signed, with the session token."""
    where = f"status {status}" if status else "in-band error"
    return f"{where}: {told.type}: {hidden(told.message.partition(chr(10))[0])[:200]}"


def hidden(message: str) -> str:
    """The text without anything that looks like a key."""
    return SECRET.sub("***", scrub(message))


def _told(headers: Headers, body: bytes) -> Told:
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        value = None
    said = value if isinstance(value, dict) else {}
    kind = (find_header(headers, TYPE_HEADER) or b"").decode("latin-1") or _text(said.get("__type")) or _text(said.get("code"))
    message = next((text for name in ("message", "Message", "errorMessage") if (text := _text(said.get(name)))), "")
    return Told(kind.partition(":")[0].rpartition("#")[2], message)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _bare(kind: str) -> str:
    """`throttlingException` and `ThrottlingException` are the same, and so is `Throttling`."""
    return (kind.removesuffix("Exception") if kind.endswith("Exception") else kind.removesuffix("Error")).lower()
