"""Which values travel between the pipeline, the adapters and the transport?

Everything here is immutable and knows nothing of Django. Per-request values are `msgspec.Struct`s because they are
made on the data path; compiled values are frozen dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn, Protocol

import msgspec

from providers.bytes.framing import SSE
from providers.bytes.multipart import Form
from providers.bytes.patch import Fields, fields_of
from providers.bytes.sse import Frames
from providers.capabilities import Capability


class Secret:
    """A value that must never be shown: `repr`, `str`, `format` and JSON see `***`, only `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")


class Wire(StrEnum):
    """The byte formats of requests and answers, each written once, in `providers/wire/`. What an upstream serves under an
    address of its own is a wire of its own, even where formats are alike: a body never goes to the address of another wire."""

    OPENAI_CHAT = "openai_chat"
    OPENAI_COMPLETION = "openai_completion"
    OPENAI_EMBEDDING = "openai_embedding"
    OPENAI_MODERATION = "openai_moderation"
    OPENAI_TRANSCRIPTION = "openai_transcription"
    OPENAI_TRANSLATION = "openai_translation"
    OPENAI_SPEECH = "openai_speech"
    OPENAI_IMAGE = "openai_image"
    OPENAI_IMAGE_EDIT = "openai_image_edit"
    OPENAI_IMAGE_VARIATION = "openai_image_variation"
    RERANK = "rerank"
    OPENAI_RESPONSES = "openai_responses"
    ANTHROPIC_MESSAGES = "anthropic_messages"
    GEMINI = "gemini"
    BEDROCK_CONVERSE = "bedrock_converse"
    OLLAMA = "ollama"


CONNECT_S = 5.0
WHOLE_S = 900.0
"""A whole answer, of which nothing may be heard before its end."""
FIRST_EVENT_S = 600.0
IDLE_S = 300.0
STREAM_S = 3600.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of one exchange. Of a stream, `first_byte` ends with the first content event and `idle` counts between
    content events; of a whole answer, they count until its first byte and between its bytes."""

    connect: float
    first_byte: float
    idle: float
    total: float


@dataclass(frozen=True, slots=True)
class TargetTimeouts:
    """What a target's whole answers and its streams may take. Models think for minutes before they say a word, so neither is
    a way to find a dead peer: that is the sockets' business (`transport/sockets.py`)."""

    whole: Timeouts
    streamed: Timeouts

    @classmethod
    def of(
        cls,
        connect: float | None = None,
        first_byte: float | None = None,
        idle: float | None = None,
        total: float | None = None,
    ) -> TargetTimeouts:
        """Those that an operator has set, for both kinds, and the defaults of each kind for the rest."""
        connect, longest = connect or CONNECT_S, total or WHOLE_S
        whole = Timeouts(connect, first_byte or longest, idle or longest, longest)
        return cls(whole, Timeouts(connect, first_byte or FIRST_EVENT_S, idle or IDLE_S, total or STREAM_S))

    def when(self, *, streamed: bool) -> Timeouts:
        return self.streamed if streamed else self.whole


@dataclass(frozen=True, slots=True)
class Credential:
    """What authenticates at a provider: a secret, or the name under which a request brings its own, or nothing."""

    secret: Secret | None = None
    dynamic: str | None = None


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a target takes its part of the requests. Targets beside each other in the same `group` share, each taking its part by
    `weight`; None is none. The rest is what its upstream takes, None any: requests and tokens a minute, requests at once."""

    group: int | None = None
    weight: float = 1.0
    rpm: int | None = None
    tpm: int | None = None
    max_concurrent: int | None = None

    @property
    def is_bounded(self) -> bool:
        return self.rpm is not None or self.tpm is not None or self.max_concurrent is not None


ALONE = Sharing()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetConfig:
    """What an adapter is built from: one provider, one upstream model, one credential, one set of time-outs.

    `model` is the public model that the target serves. `api_base` is "" for the provider type's own address.
    `extra_body` values are JSON texts.
    """

    id: str
    provider: str
    provider_type: str
    upstream_model: str
    model: str = ""
    api_base: str = ""
    credential: Credential = field(default_factory=Credential)
    extra_headers: tuple[tuple[str, str], ...] = ()
    extra_body: Mapping[str, bytes] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    timeouts: TargetTimeouts = field(default_factory=TargetTimeouts.of)
    sharing: Sharing = ALONE

    def fingerprint(self) -> str:
        """The id and a number that differs for any other configuration, in this process. Tells nothing of the secret."""
        values = (self.provider_type, self.upstream_model, self.api_base, self.credential, self.extra_headers, self.timeouts)
        return f"{self.id}:{hash((values, repr(self.extra_body), repr(self.options))):x}"


class Adapter(Protocol):
    """Speaks to one target. What it can do is the set of capability protocols that it implements."""

    config: TargetConfig


@dataclass(frozen=True, slots=True)
class Target:
    """The compiled form of a route: the adapter, ready to be called, and the names that appear in records. `circuit` is the
    name of its circuit breaker; `wires` are the formats that its upstream speaks, for each capability that it can serve, the
    best one first (`protocols.py` derives them); `keeps_responses` says that it knows a response again by its id. `dynamic` is
    the name of the credential that requests must bring, "" for one of the operator's, or none. `vendor` is the provider's type,
    `server` the host that is asked, "" where there is none."""

    id: str
    circuit: str
    model: str
    provider: str
    upstream_model: str
    timeouts: TargetTimeouts
    adapter: Adapter = field(repr=False)
    wires: Mapping[Capability, tuple[Wire, ...]] = field(default_factory=dict)
    keeps_responses: bool = False
    dynamic: str = ""
    vendor: str = ""
    server: str = ""

    @property
    def sharing(self) -> Sharing:
        """How it takes its part of the requests."""
        return self.adapter.config.sharing

    def speaks(self, call: Call) -> bool:
        """Whether its upstream knows the call's format; else the call must be converted."""
        return call.wire in self.wires.get(call.capability, ())


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call, in the gateway's own spelling; `cached_tokens` and `cache_write_tokens` are part of `input_tokens`,
    `cache_write_1h_tokens` of `cache_write_tokens`, `reasoning_tokens` of `output_tokens`, those of sound and pictures of
    either; `cached_audio_tokens` are part of `cached_tokens` and of `audio_input_tokens`. `service_tier` is the tier that served,
    as the upstream calls it, "" where it does not say; `audio_seconds` is how much sound was heard, `searches` what a reranker
    bills."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0
    cached_audio_tokens: int = 0
    service_tier: str = ""
    audio_seconds: float = 0.0
    searches: int = 0


class Action(StrEnum):
    """What a request to the Responses API asks for."""

    CREATE = "create"
    INPUT_TOKENS = "input_tokens"
    COMPACT = "compact"


class ResponseContext(msgspec.Struct, frozen=True, kw_only=True):
    """What only calls to the Responses API have.

    `id` is the outside id of the response, "" where an upstream gives it; `previous_id` that of the one before; `before` is the
    number of items from earlier turns that stand in front of the request's own `input`. `background` says that nobody waits.
    `seal` makes the outside id of an upstream's response from the target's id and the upstream's; `seal_summary` and
    `open_summary` write and read the content of compactions (see `providers/wire/openai_responses/compaction.py`).
    """

    id: str = ""
    previous_id: str | None = None
    before: int = 0
    background: bool = False
    action: Action = Action.CREATE
    seal: Callable[[str, str], str] | None = None
    seal_summary: Callable[[str], str] | None = None
    open_summary: Callable[[str], str | None] | None = None


NO_CONTEXT = ResponseContext()


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, in which format, of which model: `body` with its top-level `fields`, found once, if it is JSON, or `form`
    if it is multipart.

    `strict` says that a parameter which the upstream cannot take is an error; otherwise it is dropped, and named in the
    answer's `lossy`. `model` is the public name that the client sent. `include_usage` says whether the client asked for
    the usage chunk of a stream. `credentials` are the secrets that a request may bring for `dynamic::` targets. `headers`
    are the few client headers that go upstream (trace context). `added` are the fields of the body that the client has not sent.
    `pinned` is the id of the only target that may be tried, "" for any. `response` is set by the endpoints of the Responses API.
    """

    capability: Capability
    wire: Wire
    model: str
    body: bytes
    fields: Fields
    request_id: str
    form: Form | None = None
    stream: bool = False
    include_usage: bool = False
    added: tuple[str, ...] = ()
    strict: bool = False
    pinned: str = ""
    response: ResponseContext = NO_CONTEXT
    credentials: Mapping[str, Secret] = {}
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def with_body(self, body: bytes, fields: Fields | None = None, **changes: Any) -> Call:
        """The call with another body, whose `fields` are found unless they are given, and with further changes."""
        return msgspec.structs.replace(self, body=body, fields=fields or fields_of(body), **changes)

    def with_response(self, **changes: Any) -> Call:
        """The call with changes to its `response`."""
        return msgspec.structs.replace(self, response=msgspec.structs.replace(self.response, **changes))


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer in the format `wire`: `body`, and its top-level `fields` if it is a JSON object.

    `lossy` names the parameters that the upstream could not take. `usage` is what the call used, where the body does not say.
    `estimated` says that the tokens in the body are a guess of ours.
    """

    wire: Wire
    body: bytes
    fields: Fields | None = None
    content_type: bytes = b"application/json"
    lossy: tuple[str, ...] = ()
    usage: Usage | None = None
    estimated: bool = False


EVENT_STREAM = SSE.content_type


class ReplyStream(Protocol):
    """A streamed answer in the format `wire`, as raw bytes with the cuts of the network."""

    wire: Wire
    content_type: bytes
    lossy: tuple[str, ...]

    async def next(self) -> bytes:
        """The next bytes, `b""` at the end. Raises `ProviderError`; cancelling it closes the upstream connection."""
        ...

    def extend(self, seconds: float) -> None:
        """Moves the deadline of the next bytes to `seconds` from now (never past the total time-out)."""
        ...

    def close(self) -> None:
        """Gives the connection back if the answer is complete, closes it otherwise. May be called twice."""
        ...


class FrameStream(Protocol):
    """A streamed answer that is made here, of whole server-sent events; the rest is as in `ReplyStream`."""

    wire: Wire
    content_type: bytes
    lossy: tuple[str, ...]

    async def next(self) -> Frames:
        """The next events, none at the end."""
        ...

    def extend(self, seconds: float) -> None: ...

    def close(self) -> None: ...


Answered = Reply | ReplyStream | FrameStream
"""What a target says to a call, once it has taken it."""
