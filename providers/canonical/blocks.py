"""What is said in a conversation: turns of blocks, the same in a request and in an answer.

The union of Anthropic's content blocks, Gemini's parts, Bedrock's ContentBlock, Ollama's messages, Responses' items and chat's
messages; docs/decisions/014 has each of their fields. None that a wire did not tell is made up: it is `None`, or empty.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from providers.canonical.extra import Extra, Json, Need, Place, Value
from providers.canonical.settings import Output, Thinking
from providers.canonical.signature import Signature
from providers.canonical.tools import CacheMark, CallKind, Tool
from providers.types import Wire


class Told(Value, frozen=True, gc=False, kw_only=True):
    """What every block has: its place in the client's JSON, what its own wire calls the kind (`output_text`), an id of its own,
    and whether everything up to its end is worth keeping in the upstream's cache."""

    place: Place = ()
    called: str = ""
    id: str | None = None
    cache: CacheMark | None = None
    extra: Extra | None = None


# What is said


class Citation(Value, frozen=True, gc=False, kw_only=True):
    """What a text rests on. `text_start` and `text_end` count characters of the answer's text (OpenAI, Gemini: of the block,
    not of all text before it); `source_start` and `source_end` count `source_unit`s (char, page, block) of the source
    (Anthropic, Bedrock)."""

    called: str = ""
    url: str | None = None
    title: str | None = None
    quote: str | None = None
    text_start: int | None = None
    text_end: int | None = None
    source: int | None = None
    """Which of the request's documents or search results."""
    source_unit: str = ""
    source_start: int | None = None
    source_end: int | None = None
    file_id: str | None = None
    filename: str | None = None
    place: Place = ()
    extra: Extra | None = None


class TokenLogprob(Value, frozen=True, gc=False):
    """How likely a token was, and which others were. `utf8` is None where the wire does not tell the bytes."""

    token: str
    logprob: float
    utf8: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()
    extra: Extra | None = None


class Text(Told, frozen=True, gc=False):
    """`signature` is Gemini's, which may stand at any part. `logprobs` is None where none are told."""

    text: str
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None
    signature: Signature | None = None


class Refusal(Told, frozen=True, gc=False):
    """The model's own words for that it will not."""

    text: str
    logprobs: tuple[TokenLogprob, ...] | None = None


class Reasoning(Told, frozen=True, gc=False):
    """Thoughts: their `text`, which may be empty although there is a signature (Anthropic's default), or their summary.
    `sealed` are thoughts that only their maker can read; Responses' `encrypted_content` is a block of its own, after those of
    the item's summary."""

    text: str = ""
    summary: bool = False
    signature: Signature | None = None
    sealed: Signature | None = None


class Compaction(Told, frozen=True, gc=False):
    """What stands for all that was said before it: as a text, or sealed for its maker."""

    text: str | None = None
    sealed: Signature | None = None


# Media


class SourceKind(StrEnum):
    BASE64 = "base64"
    URL = "url"
    """Of the web, or `data:`, which is kept in one piece: cutting up ten megabytes is left to the wire that needs it."""
    FILE = "file"
    """An id at the upstream."""
    STORAGE = "storage"
    """`gs://` or `s3://`."""
    TEXT = "text"


class Source(Value, frozen=True, gc=False):
    """Where something is, or the thing itself. `media_type` is "" where the wire does not tell it."""

    kind: SourceKind
    value: str
    media_type: str = ""
    extra: Extra | None = None

    def url(self) -> str | None:
        """As an address, for wires that know nothing else; None for what is neither there nor has one."""
        if self.kind is SourceKind.BASE64:
            return f"data:{self.media_type or 'application/octet-stream'};base64,{self.value}"
        return self.value if self.kind in (SourceKind.URL, SourceKind.STORAGE) else None


class Image(Told, frozen=True, gc=False):
    """A picture of the client or, in an answer, of the model."""

    source: Source
    detail: str | None = None


class Audio(Told, frozen=True, gc=False):
    """Sound; `format` where a wire says "wav" and no media type. The model's own has a transcript and an id, by which it is
    told again without a source."""

    source: Source | None = None
    format: str | None = None
    transcript: str | None = None


class Video(Told, frozen=True, gc=False):
    source: Source


class Document(Told, frozen=True, gc=False):
    """A file to read: from a source, or made of blocks. `citable` says that the answer may cite it."""

    source: Source | None = None
    content: tuple[Block, ...] | None = None
    title: str | None = None
    context: str | None = None
    citable: bool | None = None


class SearchResult(Told, frozen=True, gc=False):
    """What a search of the client found; `source` is any text that names it."""

    source: str
    content: tuple[Block, ...]
    title: str | None = None
    citable: bool | None = None


# Tools


class ToolCall(Told, frozen=True, gc=False):
    """A call that the client answers. `arguments` is always text: JSON of a function and of a search for tools, if the model
    kept the form, and free text of a custom tool. `id` is that of Responses' item; `call_id` is what the result names, None in
    Gemini and Ollama if they give none."""

    name: str
    arguments: str
    call_id: str | None = None
    kind: CallKind = CallKind.FUNCTION
    namespace: str | None = None
    signature: Signature | None = None


class ToolResult(Told, frozen=True, gc=False):
    """What a tool gave back. `name` is told by Gemini and Ollama only; others find it by the call."""

    content: tuple[Block, ...]
    call_id: str | None = None
    kind: CallKind = CallKind.FUNCTION
    name: str | None = None
    is_error: bool | None = None


class HostedCall(Told, frozen=True, gc=False):
    """A call that the upstream itself has answered, or is about to. `name` is one of `HostedTool`'s, or the wire's own."""

    name: str
    arguments: str
    call_id: str | None = None


class HostedResult(Told, frozen=True, gc=False):
    """What it brought. `output` is as the wire tells it: each tool of each vendor has a form of its own, so that only `wire`
    can write it."""

    wire: Wire
    name: str
    output: object
    call_id: str | None = None
    is_error: bool | None = None


# What changes from here on


class ToolsChange(Told, frozen=True, gc=False):
    """Tools that join the request's, or leave, in the midst of the conversation. A search for tools that found some is a
    `ToolResult` and then this."""

    added: tuple[Tool, ...] = ()
    removed: tuple[str, ...] = ()


class SettingsChange(Told, frozen=True, gc=False):
    """Settings that hold from here on, so that the last ones count for what is asked."""

    thinking: Thinking | None = None
    output: Output | None = None


# The rest


class Opaque(Told, frozen=True, gc=False):
    """A block that only `wire` has, whole; `called` is its kind. `need` says why it must not be left out; without one, any
    other wire leaves it out and names it, as what it brought is said by the messages after it."""

    wire: Wire
    value: Json
    need: Need | None = None


Block: TypeAlias = (
    Text
    | Refusal
    | Reasoning
    | Compaction
    | Image
    | Audio
    | Video
    | Document
    | SearchResult
    | ToolCall
    | ToolResult
    | HostedCall
    | HostedResult
    | ToolsChange
    | SettingsChange
    | Opaque
)


class Role(StrEnum):
    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Turn(Value, frozen=True, gc=False, kw_only=True):
    """What one speaker said at a time, as its wire cuts it: a message, a Gemini content, or an item of Responses (`called` says
    which). Neighbours of one role may follow each other; wires that cannot have that join them. `name` and `recipient` tell one
    speaker of a role from another."""

    role: Role
    blocks: tuple[Block, ...] = ()
    called: str = ""
    id: str | None = None
    status: str | None = None
    name: str | None = None
    recipient: str | None = None
    cache: CacheMark | None = None
    place: Place = ()
    extra: Extra | None = None
