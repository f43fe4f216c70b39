"""What may a model call, what must it, and how are calls told apart when they come back?"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from providers.canonical.extra import Extra, Json, Need, Place, Value
from providers.types import Wire


class CacheMark(Value, frozen=True, gc=False, kw_only=True):
    """That everything up to here is worth keeping. `ttl` is "5m", "1h", or None for the upstream's own."""

    ttl: str | None = None
    called: str = ""
    place: Place = ()
    extra: Extra | None = None


class CallKind(StrEnum):
    FUNCTION = "function"
    CUSTOM = "custom"
    """Takes free text."""
    SEARCH = "search"
    """Finds tools, and is done by the client."""


class Offered(Value, frozen=True, gc=False, kw_only=True):
    """What every tool has. `deferred`: it is told to the model only when a search finds it."""

    place: Place = ()
    called: str = ""
    deferred: bool | None = None
    cache: CacheMark | None = None
    extra: Extra | None = None


class FunctionTool(Offered, frozen=True, gc=False):
    """`parameters` is JSON Schema, or Gemini's OpenAPI subset where `subset` is true. `strict` is None where it is not said:
    the wires' defaults differ."""

    name: str
    description: str | None = None
    parameters: Json | None = None
    subset: bool = False
    strict: bool | None = None


class Grammar(Value, frozen=True, gc=False):
    """What the input of a custom tool must keep to: `syntax` is "lark" or "regex"."""

    syntax: str
    definition: str
    extra: Extra | None = None


class CustomTool(Offered, frozen=True, gc=False):
    """Takes free text; without a grammar, any."""

    name: str
    description: str | None = None
    grammar: Grammar | None = None


class NamespaceTool(Offered, frozen=True, gc=False):
    """Tools under one name."""

    name: str
    tools: tuple[Tool, ...]
    description: str | None = None


class SearchTool(Offered, frozen=True, gc=False):
    """A search for tools that the client does itself."""

    description: str | None = None
    parameters: Json | None = None


class Location(Value, frozen=True, gc=False, kw_only=True):
    """Where the user is, about."""

    city: str | None = None
    region: str | None = None
    country: str | None = None
    timezone: str | None = None
    extra: Extra | None = None


class HostedTool(Offered, frozen=True, gc=False):
    """A tool that the upstream runs. `name` is one of web_search, web_fetch, code_execution, file_search, url_context,
    image_generation; one that only a single vendor has is `OpaqueTool`. The other fields are those of searching the web."""

    name: str
    allowed_domains: tuple[str, ...] | None = None
    blocked_domains: tuple[str, ...] | None = None
    most_uses: int | None = None
    context_size: str | None = None
    location: Location | None = None


class OpaqueTool(Offered, frozen=True, gc=False):
    """A tool that only `wire` has, whole; `name` is what calls of it say, "" if it is not called by name."""

    wire: Wire
    value: Json
    name: str = ""
    need: Need | None = None


Tool: TypeAlias = FunctionTool | CustomTool | NamespaceTool | SearchTool | HostedTool | OpaqueTool


class ToolRef(Value, frozen=True, gc=False):
    """A tool, as its caller knows it. `kind` is the wire's word where it is none of `CallKind`: a hosted tool's."""

    name: str
    namespace: str | None = None
    kind: str = CallKind.FUNCTION
    extra: Extra | None = None


class ChoiceMode(StrEnum):
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    VALIDATED = "validated"
    """Gemini: free to call or not, but what is called keeps to its schema."""


class ToolChoice(Value, frozen=True, gc=False, kw_only=True):
    """`forced` is the one that must be called (then the mode is REQUIRED); `allowed` are those that may be, None for all. A
    namespace in `allowed` stands for all that are in it."""

    mode: ChoiceMode = ChoiceMode.AUTO
    forced: ToolRef | None = None
    allowed: tuple[ToolRef, ...] | None = None
    place: Place = ()
    extra: Extra | None = None


class SentTools(Value, frozen=True, gc=False):
    """What an encoder called the tools that its wire cannot have as they are: name upstream → the client's tool. `allowed` are
    the names upstream that may be called, None for all, where the wire cannot say it and so the decoder must see to it."""

    refs: Mapping[str, ToolRef] = MappingProxyType({})
    allowed: frozenset[str] | None = None

    def may_call(self, name: str) -> bool:
        return self.allowed is None or name in self.allowed


NOTHING_SENT = SentTools()
