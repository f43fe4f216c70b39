"""Which tags does a request get by the operator's rules? From its headers, its path, its model, or who sends it.

Limits as for the tags that clients send: 50 of a request, 64 characters of a name, 512 of a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import msgspec
import regex

from openai_api.hooks.context import SECRET_HEADERS, HookContext
from openai_api.hooks.request import HookRequest
from openai_api.interceptors.expressions import LONGEST, InvalidExpression, expression, tried
from providers.offload import offload

MOST_TAGS, LONGEST_NAME, LONGEST_VALUE = 50, 64, 512
MOST_RULES = 100
MOST_READ = 4096
"""Characters of what a rule reads that are looked at."""
SEARCH_S = 0.05
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Source(StrEnum):
    """What a rule reads."""

    NOTHING = "nothing"
    HEADER = "header"
    PATH = "path"
    MODEL = "model"
    CLIENT = "client"
    USER = "user"
    AGENT = "agent"
    TENANT = "tenant"


class TagRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One tag. Without a source it is always there, with its `value`."""

    tag: Annotated[str, msgspec.Meta(description="The tag's name.", min_length=1, max_length=LONGEST_NAME)]
    source: Annotated[
        Source, msgspec.Meta(description="nothing, header, path, model, client (the key's name), user, agent or tenant.")
    ] = Source.NOTHING
    header: Annotated[str, msgspec.Meta(description="Which header, if that is the source.", max_length=100)] = ""
    pattern: Annotated[
        str,
        msgspec.Meta(
            description="A regular expression that must be found in the source; else there is no tag.", max_length=LONGEST
        ),
    ] = ""
    value: Annotated[
        str,
        msgspec.Meta(
            description="The value; {0} is what the pattern has found, {1} its first group, which is the value if none is given.",
            max_length=LONGEST_VALUE,
        ),
    ] = ""


class SessionTaggerOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    rules: Annotated[tuple[TagRule, ...], msgspec.Meta(description="One for each tag.", max_length=MOST_RULES)] = ()

    def __post_init__(self) -> None:
        for rule in self.rules:
            _made(rule)  # whatever is wrong with one is an error of the options


def _user(context: HookContext, request: HookRequest) -> str:
    """The end user, as the body tells it."""
    body = request.body
    metadata = body.get("metadata")
    told = metadata.get("user_id") if isinstance(metadata, dict) else None
    for value in (body.get("user"), body.get("safety_identifier"), told):
        if isinstance(value, str) and value:
            return value
    return ""


Read = Callable[[HookContext, HookRequest], str]
READ: Mapping[Source, Read] = MappingProxyType(
    {
        Source.PATH: lambda context, request: context.path,
        Source.MODEL: lambda context, request: request.model,
        Source.CLIENT: lambda context, request: context.record.client_name or "",
        Source.USER: _user,
        Source.AGENT: lambda context, request: context.agent_id,
        Source.TENANT: lambda context, request: context.tenant,
    }
)


class _Rule(NamedTuple):
    rule: TagRule
    pattern: regex.Pattern[str] | None
    read: Read | None


class SessionTagger:
    """Tags requests, and so their sessions, by rules."""

    name = "session_tagger"
    Options = SessionTaggerOptions

    def __init__(self, options: SessionTaggerOptions) -> None:
        self._rules = [_made(rule) for rule in options.rules]

    async def before_request(self, context: HookContext, request: HookRequest) -> None:
        size = len(request.raw) if any(rule.rule.source is Source.USER for rule in self._rules) else 0
        await offload(size, self._tag, context, request)

    def _tag(self, context: HookContext, request: HookRequest) -> None:
        tags = context.tags
        for rule in self._rules:
            value = _value(rule, context, request)
            if value and (rule.rule.tag in tags or len(tags) < MOST_TAGS):
                tags[rule.rule.tag] = value


@lru_cache(maxsize=256)
def _made(rule: TagRule) -> _Rule:
    if (rule.source is Source.HEADER) != bool(rule.header):
        raise ValueError(f"tag {rule.tag!r}: name a header if that is the source, and only then")
    if rule.header.lower().encode("latin-1", "replace") in SECRET_HEADERS:
        raise ValueError(f"tag {rule.tag!r}: the header {rule.header!r} may carry credentials")
    if rule.source is Source.NOTHING and (rule.pattern or not rule.value):
        raise ValueError(f"tag {rule.tag!r}: give a value or a source")
    if _UNPRINTABLE.search(rule.tag):
        raise ValueError(f"tag {rule.tag!r}: the name has characters that cannot be shown")
    try:
        pattern = tried(expression(rule.pattern)) if rule.pattern else None
        if pattern is not None:
            _filled(rule.value, ["" for _ in range(pattern.groups + 1)])
    except (InvalidExpression, IndexError) as error:
        raise ValueError(f"tag {rule.tag!r}: {error}") from error
    header = rule.header.lower()
    return _Rule(rule, pattern, (lambda context, _: context.headers.get(header, "")) if header else READ.get(rule.source))


def _value(rule: _Rule, context: HookContext, request: HookRequest) -> str:
    """The tag's value, "" if it has none here. Raises `TimeoutError`."""
    if rule.read is None:
        return _shown(rule.rule.value)
    text = rule.read(context, request)[:MOST_READ]
    if rule.pattern is None:
        return _shown(_filled(rule.rule.value or "{0}", [text])) if text else ""
    match = rule.pattern.search(text, timeout=SEARCH_S)
    if match is None:
        return ""
    found: list[Any] = [match[0], *match.groups("")]
    return _shown(_filled(rule.rule.value, found) if rule.rule.value else found[min(1, rule.pattern.groups)])


def _filled(value: str, found: list[str]) -> str:
    return re.sub(r"\{(\d)\}", lambda match: found[int(match[1])], value)


def _shown(value: str) -> str:
    return _UNPRINTABLE.sub(" ", value).strip()[:LONGEST_VALUE]
