"""How does a response become a chat answer? A state machine that is fed with Responses events and gives chat chunks.

Formats: OpenAI OpenAPI document of August 2026, `/responses` (and the OpenResponses specification of 2026-04-24, whose
names for raw reasoning differ), to `/chat/completions`. What an upstream says only in a `.done` event or in the whole
item counts as much as what it says in pieces. A whole answer goes the same way, as one event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from providers.bytes.pieced_text import PiecedText
from providers.errors import InvalidResponse
from providers.types import Usage
from providers.wire.openai.errors import failure_in_band
from providers.wire.openai.usage import usage_in
from providers.wire.openai_responses.response_object import Json, logprobs_object

INCOMPLETE = MappingProxyType({"max_output_tokens": "length", "content_filter": "content_filter"})
STATUSES = ("completed", "incomplete", "failed", "cancelled")
"""With which a response has ended."""
MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that the format gives it."""
PAUSE = "\n\n"
"""Between two pieces of reasoning, which chat has not."""


@dataclass(slots=True)
class _Item:
    """What has been told of an item of the output."""

    told: dict[str, set[int]] = field(default_factory=dict)
    """Which of its texts: what they are, and their numbers."""
    starts: dict[int, int] = field(default_factory=dict)
    """Where the text of each part begins in the text of the chat message."""
    call: Json | None = None
    """What the pieces of a call begin with."""
    waiting: PiecedText = field(default_factory=PiecedText)
    """Arguments that came before the call had a name."""


class ChatWriter:
    """One chat answer on its way. `event` returns the chunks that an event amounts to.

    `finished` is true after the last event; `usage` then holds what was used, in chat's spelling, whether the client
    wants to be told or not.
    """

    def __init__(self, completion_id: str, created: int, model: str, *, include_usage: bool = False) -> None:
        self.finished = False
        self.usage: Json | None = None
        self._head: Json = {"id": completion_id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._include_usage = include_usage
        self._chunks: list[Json] = []
        self._items: dict[int | str, _Item] = {}
        self._begun = self._thought = False
        self._calls = self._length = 0
        self._annotations: list[Json] = []

    def event(self, event: Json) -> list[Json]:
        """What an event says; nothing for one that chat has no word for.

        Raises the `ProviderError` that a failure stands for, and `InvalidResponse` for an event that cannot be read.
        """
        if self.finished:
            return []
        try:
            kind = event.get("type")
            if kind in SAID:
                voice, place, name = SAID[kind]
                text, whole = event.get(name) or "", name != "delta"
                item = self._item(event.get("item_id"), event.get("output_index"))
                self._say(item, voice, event.get(place) or 0, text, whole, event.get("logprobs"))
            elif kind in self._HANDLERS:
                self._HANDLERS[kind](self, event)
        except MISFITS as error:
            raise InvalidResponse("an event cannot be read") from error
        chunks, self._chunks = self._chunks, []
        return chunks

    # Texts

    def _say(self, item: _Item, voice: str, index: int, text: str, whole: bool, logprobs: Any = None) -> None:
        """One text of an item, a piece of it or the whole; a whole that has been told in pieces is not told again."""
        if not isinstance(text, str):
            raise InvalidResponse(f"the {voice} is no text")
        told = index in item.told.get(voice, ())
        if not text or (whole and told):
            return
        if voice in ("arguments", "input"):
            self._arguments(item, text)
        elif voice == "refusal":
            self._delta({"refusal": text})
        elif voice == "output_text":
            item.starts.setdefault(index, self._length)
            self._length += len(text)
            self._delta({"content": text}, logprobs=logprobs_object(logprobs))
        elif item.told.keys() <= {voice}:  # a summary, or the raw thoughts, not both
            pause = PAUSE if self._thought and not told else ""
            self._thought = True
            self._delta({"reasoning_content": pause + text})
        else:
            return
        item.told.setdefault(voice, set()).add(index)

    def _arguments(self, item: _Item, text: str) -> None:
        if item.call is None:
            item.waiting.add(text)
            return
        kind = item.call["type"]
        self._delta({"tool_calls": [{"index": item.call["index"], kind: {CALLED[kind]: text}}]})

    def _annotated(self, event: Json) -> None:
        place = event.get("content_index") or 0
        item = self._item(event.get("item_id"), event.get("output_index"))
        item.told.setdefault("annotations", set()).add(place)
        self._annotation(item, place, event["annotation"])

    def _annotation(self, item: _Item, place: int, annotation: Json) -> None:
        """Chat knows citations of the web only; where they stand counts from the beginning of all text."""
        if annotation["type"] != "url_citation":
            return
        start = item.starts.get(place, self._length)
        cited = {name: value for name, value in annotation.items() if name != "type"}
        cited |= {name: start + cited[name] for name in ("start_index", "end_index") if isinstance(cited.get(name), int)}
        self._annotations.append({"type": "url_citation", "url_citation": cited})

    # Items

    def _item(self, item_id: Any, index: Any) -> _Item:
        """The item of that id, or at that place: upstreams leave out the one or change the other."""
        item = self._items.get(item_id) if item_id else None
        item = item or self._items.get(index) or _Item()
        self._items |= {key: item for key in (item_id, index) if key is not None}
        return item

    def _added(self, event: Json) -> None:
        self._begin(self._item(event["item"].get("id"), event.get("output_index")), event["item"])

    def _begin(self, item: _Item, given: Json) -> None:
        """The first piece of a call, as soon as it has a name."""
        kind = CALLS.get(given.get("type", ""))
        if kind is None or item.call is not None or not given.get("name"):
            return
        if not isinstance(given["name"], str):
            raise InvalidResponse("the name of a call is no text")
        call_id = given.get("call_id") or given.get("id") or f"call_{self._calls}"
        item.call = {"index": self._calls, "id": call_id, "type": kind}
        self._calls += 1
        self._delta({"tool_calls": [item.call | {kind: {"name": given["name"], CALLED[kind]: ""}}]})
        if item.waiting:
            self._arguments(item, str(item.waiting))

    def _ended(self, event: Json) -> None:
        self._whole(event["item"], event.get("output_index"))

    def _whole(self, given: Json, index: Any) -> None:
        """What is in an item and has not been told."""
        item, kind = self._item(given.get("id"), index), given.get("type", "")
        if kind in CALLS:
            self._begin(item, given)
            name = CALLED[CALLS[kind]]
            nothing = "{}" if name == "arguments" and given.get("status") != "incomplete" else ""
            self._say(item, name, 0, _text(given.get(name)) or nothing, True)
        elif kind == "image_generation_call":
            self._image(item, given)
        elif kind in ("message", "reasoning"):
            for parts in ("summary", "content"):
                for place, part in enumerate(given.get(parts) or ()):
                    self._part(item, place, part)

    def _image(self, item: _Item, given: Json) -> None:
        """A picture, as OpenRouter and Gemini have it in chat."""
        result = given.get("result")
        if isinstance(result, str) and result and "image" not in item.told:
            item.told["image"] = {0}
            kind = given.get("output_format")
            url = f"data:image/{kind if isinstance(kind, str) else 'png'};base64,{result}"
            self._delta({"images": [{"type": "image_url", "image_url": {"url": url}}]})

    def _part(self, item: _Item, place: int, part: Json) -> None:
        voice = part["type"]
        if voice in VOICES:
            self._say(item, voice, place, part.get("refusal" if voice == "refusal" else "text") or "", True, part.get("logprobs"))
        if voice == "output_text" and place not in item.told.get("annotations", ()):
            item.told.setdefault("annotations", set()).add(place)
            for annotation in part.get("annotations") or ():
                self._annotation(item, place, annotation)

    # The end

    def _end(self, event: Json) -> None:
        response = event["response"]
        for index, given in enumerate(response.get("output") or ()):
            self._whole(given, index)
        reason = "tool_calls" if self._calls else "stop"
        if event["type"] == "response.incomplete":
            reason = INCOMPLETE.get((response.get("incomplete_details") or {}).get("reason", ""), "length")
        self._delta({"annotations": self._annotations} if self._annotations else {}, finish=reason)
        self.usage = chat_usage(response.get("usage"))
        if self._include_usage and self.usage:
            self._chunks.append({**self._head, "choices": [], "usage": self.usage})
        self.finished = True

    def _failed(self, event: Json) -> None:
        response = event.get("response") or {}
        raise failure_in_band(response.get("error") or event.get("error") or {"message": "The response was not completed."})

    def _error(self, event: Json) -> None:
        raise failure_in_band({name: value for name, value in event.items() if name not in ("type", "sequence_number")})

    # Chunks

    def _delta(self, delta: Json, *, logprobs: list[Json] | None = None, finish: str | None = None) -> None:
        if not self._begun:
            self._begun = True
            self._delta({"role": "assistant", "content": ""})
        told = {"content": logprobs, "refusal": None} if logprobs else None
        choice = {"index": 0, "delta": delta, "logprobs": told, "finish_reason": finish}
        self._chunks.append({**self._head, "choices": [choice]} | ({"usage": None} if self._include_usage else {}))

    _HANDLERS: ClassVar[Mapping[Any, Callable[[ChatWriter, Json], None]]] = MappingProxyType(
        {
            "response.output_item.added": _added,
            "response.output_item.done": _ended,
            "response.output_text.annotation.added": _annotated,
            "response.completed": _end,
            "response.incomplete": _end,
            "response.failed": _failed,
            "response.cancelled": _failed,
            "error": _error,
        }
    )


SAID: Mapping[Any, tuple[str, str, str]] = MappingProxyType(
    {
        f"response.{event}.{end}": (voice, place, "delta" if end == "delta" else whole)
        for event, voice, place, whole in (
            ("output_text", "output_text", "content_index", "text"),
            ("refusal", "refusal", "content_index", "refusal"),
            ("reasoning_summary_text", "summary_text", "summary_index", "text"),
            ("reasoning_text", "reasoning_text", "content_index", "text"),
            ("reasoning", "reasoning_text", "content_index", "text"),
            ("function_call_arguments", "arguments", "", "arguments"),
            ("custom_tool_call_input", "input", "", "input"),
        )
        for end in ("delta", "done")
    }
)
"""Event → what it tells of, where it says which of them, and the field with the text."""
VOICES = frozenset({"output_text", "refusal", "summary_text", "reasoning_text"})
"""Parts of items that chat has a word for."""
CALLS: Mapping[str, str] = MappingProxyType({"function_call": "function", "custom_tool_call": "custom"})
CALLED = MappingProxyType({"function": "arguments", "custom": "input"})


def to_completion(response: Json, completion_id: str, created: int, model: str) -> Json:
    """The chat answer that a whole response amounts to. Raises the `ProviderError` of one that failed, and
    `InvalidResponse` for one that has not ended or cannot be read."""
    status = response.get("status") or "completed"
    if status not in STATUSES:
        raise InvalidResponse(f"the response is {str(status)[:20]}")
    writer = ChatWriter(completion_id, created, model)
    choices = [chunk["choices"][0] for chunk in writer.event({"type": f"response.{status}", "response": response})]
    tokens = [token for choice in choices if choice["logprobs"] for token in choice["logprobs"]["content"]]
    choice = {
        "index": 0,
        "message": _message([choice["delta"] for choice in choices]),
        "logprobs": {"content": tokens, "refusal": None} if tokens else None,
        "finish_reason": choices[-1]["finish_reason"],
    }
    completion = {"id": completion_id, "object": "chat.completion", "created": created, "model": model, "choices": [choice]}
    completion |= {"usage": writer.usage} if writer.usage else {}
    return completion | ({"service_tier": response["service_tier"]} if response.get("service_tier") else {})


def chat_usage(value: Any) -> Json | None:
    """Tokens, as chat tells them, with every detail that the upstream knows. None where it tells none."""
    if not isinstance(value, dict):
        return None
    usage = usage_in(value) or Usage()
    before = _details(value.get("input_tokens_details")) | {"cached_tokens": usage.cached_tokens}
    if usage.cache_write_tokens or "cache_write_tokens" in before:
        before["cache_write_tokens"] = usage.cache_write_tokens
    after = _details(value.get("output_tokens_details")) | {"reasoning_tokens": usage.reasoning_tokens}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": before,
        "completion_tokens_details": after,
    }


def _details(value: Any) -> Json:
    return {name: number for name, number in value.items() if number is not None} if isinstance(value, dict) else {}


def _message(deltas: list[Json]) -> Json:
    """The sum of what the chunks said."""
    content, refusal, thought = (
        "".join(delta.get(name) or "" for delta in deltas) for name in ("content", "refusal", "reasoning_content")
    )
    calls: list[Json] = []
    for piece in (piece for delta in deltas for piece in delta.get("tool_calls", ())):
        if "id" in piece:
            calls.append({"id": piece["id"], "type": piece["type"], piece["type"]: piece[piece["type"]]})
        else:
            kind = calls[piece["index"]]["type"]
            calls[piece["index"]][kind][CALLED[kind]] += piece[kind][CALLED[kind]]
    message: Json = {"role": "assistant", "content": content or (None if refusal or calls else ""), "refusal": refusal or None}
    message["annotations"] = deltas[-1].get("annotations", [])
    if thought:
        message["reasoning_content"] = thought
    if images := [image for delta in deltas for image in delta.get("images", ())]:
        message["images"] = images
    return message | ({"tool_calls": calls} if calls else {})


def _text(value: Any) -> str:
    """Arguments, which a few upstreams send as an object."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode() if value else ""
