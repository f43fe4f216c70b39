"""Which block is a part? The same in a request and in an answer.

Format: google-genai 3.6.1, `Part`. What stands beside the data of a part (`partMetadata`, `videoMetadata`, `mediaResolution`) is
Gemini's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.canonical.blocks import (
    Audio,
    Block,
    Document,
    HostedCall,
    HostedResult,
    Image,
    Opaque,
    Reasoning,
    Source,
    SourceKind,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from providers.canonical.extra import Json, Need, Place
from providers.canonical.leftovers import left, taken
from providers.canonical.signature import Signature
from providers.wire.gemini.codec.signatures import SKIP, signature_of
from providers.wire.gemini.codec.spelling import camel, listed, named
from providers.wire.gemini.codec.words import WIRE

SIGNATURE = "thoughtSignature"
HOSTED: Mapping[str, str] = MappingProxyType(
    {"GOOGLE_SEARCH_WEB": "web_search", "URL_CONTEXT": "url_context", "FILE_SEARCH": "file_search"}
)
"""`toolType` → name of a hosted tool; others keep their own."""
CODE = "code_execution"
OK = "OUTCOME_OK"
UPLOADED = "generativelanguage.googleapis.com/"
"""Where files are that a client has given to Gemini: nobody else can read them."""
VIDEOS = ("youtube.com/", "youtu.be/")
ERROR = "error"
SAYING = ("output", "result", "content")
"""Names under which a response says one thing: `output` is the documented one, `result` that of Google's SDKs."""
Read = Callable[[Any, Json, Place], Block | None]


def part_block(part: Any, place: Place, *, answer: bool = False) -> Block:
    """The block of a part. In a request, one that nobody else can read must not be left out."""
    if type(part) is dict:
        if type(part.get("text")) is str and len(part) == 1:  # so it is with most
            return Text(part["text"], called="text", place=place)
        rest = camel(part)
        for name, read in READ.items():
            if rest.get(name) is not None:
                block = read(rest.pop(name), rest, place)
                if block is not None:
                    return block
                break
    value = part if isinstance(part, dict) else {"value": part}
    called = next(iter(value), "")
    need = None if answer or not part else Need(f"This model's provider cannot take a part with {called!r}.", place)
    return Opaque(WIRE, value, need, called=called, place=place)


def _signature(rest: Json) -> tuple[Signature | None, bool]:
    text = rest.get(SIGNATURE)
    if not text or type(text) is not str:
        return None, False
    del rest[SIGNATURE]
    return (None, False) if text == SKIP else signature_of(text)


def _text(text: Any, rest: Json, place: Place) -> Block | None:
    if type(text) is not str:
        return None
    signature, is_sealed = _signature(rest)
    if taken(rest, "thought", bool):
        told, sealed = (None, signature) if is_sealed else (signature, None)
        extra = named(left(rest))
        return Reasoning(text, signature=told, sealed=sealed, called="thought", place=place, extra=extra)
    return Text(text, signature=signature, called="text", place=place, extra=named(left(rest)))


def _inline(data: Any, rest: Json, place: Place) -> Block | None:
    inner = camel(data) if type(data) is dict else {}
    value, media, title = taken(inner, "data", str), taken(inner, "mimeType", str) or "", taken(inner, "displayName", str)
    if value is None:
        return None
    lost = (*left(rest, silent=("thought",)), *left(inner, of="inlineData."))
    return _media(Source(SourceKind.BASE64, value, media), title, "inlineData", place, lost)


def _file(data: Any, rest: Json, place: Place) -> Block | None:
    inner = camel(data) if type(data) is dict else {}
    uri, media, title = taken(inner, "fileUri", str), taken(inner, "mimeType", str) or "", taken(inner, "displayName", str)
    if uri is None:
        return None
    lost = (*left(rest), *left(inner, of="fileData."))
    if not media and any(host in uri for host in VIDEOS):
        media = "video/*"
    return _media(Source(_kind(uri), uri, media), title, "fileData", place, lost)


def _kind(uri: str) -> SourceKind:
    if uri.startswith("gs://"):
        return SourceKind.STORAGE
    return SourceKind.FILE if UPLOADED in uri or not uri.startswith(("http://", "https://", "data:")) else SourceKind.URL


def _media(source: Source, title: str | None, called: str, place: Place, lost: tuple[str, ...]) -> Block:
    kind, extra = MEDIA.get(source.media_type.partition("/")[0]), named(lost)
    if kind is None:
        return Document(source, title=title, called=called, place=place, extra=extra)
    return kind(source, called=called, place=place, extra=extra)


MEDIA: Mapping[str, type[Image | Audio | Video]] = MappingProxyType({"image": Image, "audio": Audio, "video": Video})


def _call(call: Any, rest: Json, place: Place) -> Block | None:
    inner = camel(call) if type(call) is dict else {}
    name = taken(inner, "name", str)
    if not name:
        return None
    call_id = taken(inner, "id", str) or None
    args = taken(inner, "args", dict)
    signature, _ = _signature(rest)
    lost = (*left(rest), *left(inner, of="functionCall.", silent=("willContinue",)))
    text = "" if args is None else json_text(args)
    return ToolCall(name, text, call_id, signature=signature, called="functionCall", place=place, extra=named(lost))


def json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _result(given: Any, rest: Json, place: Place) -> Block | None:
    inner = camel(given) if type(given) is dict else {}
    response = taken(inner, "response", dict)
    if response is None and inner.get("response") is not None:
        return None
    name, call_id = taken(inner, "name", str), taken(inner, "id", str) or None
    parts = listed(inner.pop("parts", None))
    content: list[Block] = list(_said(response or {}, place))
    for number, part in enumerate(parts if isinstance(parts, list) else ()):
        content.append(part_block(part, (*place, "functionResponse", "parts", number)))
    is_error = True if response is not None and ERROR in response and "output" not in response else None
    lost = (*left(rest), *left(inner, of="functionResponse."))
    return ToolResult(
        tuple(content), call_id, name=name, is_error=is_error, called="functionResponse", place=place, extra=named(lost)
    )


def _said(response: Json, place: Place) -> Iterator[Block]:
    """What a response says: the one thing in it, or all of it as JSON."""
    if not response:
        return
    name, value = next(iter(response.items()))
    alone = len(response) == 1 and (name in (ERROR, "output") or (name in SAYING and isinstance(value, str)))
    said = value if alone else response
    yield Text(said if isinstance(said, str) else json_text(said), called="response", place=(*place, "functionResponse"))


def _code(code: Any, rest: Json, place: Place) -> Block | None:
    if type(code) is not dict:
        return None
    extra = named(left(rest, silent=(SIGNATURE,)))
    return HostedCall(CODE, json_text(_without(code)), _id(code), called="executableCode", place=place, extra=extra)


def _code_result(result: Any, rest: Json, place: Place) -> Block | None:
    if type(result) is not dict:
        return None
    is_error = result.get("outcome", OK) != OK or None
    extra = named(left(rest, silent=(SIGNATURE,)))
    return HostedResult(
        WIRE, CODE, result, _id(result), is_error=is_error, called="codeExecutionResult", place=place, extra=extra
    )


def _tool_call(call: Any, rest: Json, place: Place) -> Block | None:
    if type(call) is not dict:
        return None
    args = camel(call).get("args")
    extra = named(left(rest, silent=(SIGNATURE,)))
    return HostedCall(_hosted(call), json_text(args or {}), _id(call), called="toolCall", place=place, extra=extra)


def _tool_response(given: Any, rest: Json, place: Place) -> Block | None:
    if type(given) is not dict:
        return None
    extra = named(left(rest, silent=(SIGNATURE,)))
    return HostedResult(WIRE, _hosted(given), given, _id(given), called="toolResponse", place=place, extra=extra)


def _hosted(call: Json) -> str:
    kind = str(camel(call).get("toolType") or "")
    return HOSTED.get(kind, kind)


def _id(value: Json) -> str | None:
    known = value.get("id")
    return known if isinstance(known, str) and known else None


def _without(code: Json) -> Json:
    return {name: value for name, value in code.items() if name != "id"}


READ: Mapping[str, Read] = MappingProxyType(
    {
        "text": _text,
        "functionCall": _call,
        "functionResponse": _result,
        "inlineData": _inline,
        "fileData": _file,
        "executableCode": _code,
        "codeExecutionResult": _code_result,
        "toolCall": _tool_call,
        "toolResponse": _tool_response,
    }
)
"""What a part holds → what reads it; None from that is a part which cannot be read."""
