"""How is a response filled, and which events tell of it? A state machine: what is said goes in, numbered events come out.

Formats: OpenAI's OpenAPI document of November 2026, `/responses`; OpenResponses specification of 2026-04-24. Text and
thoughts end when something else begins; calls end together at the end, since only the last item can be incomplete.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.data_url import taken_apart
from providers.bytes.pieced_text import PiecedText
from providers.canonical.blocks import Image, ToolCall
from providers.canonical.extra import Json
from providers.canonical.tools import CallKind

TERMINAL = MappingProxyType({"completed": "response.completed", "incomplete": "response.incomplete", "failed": "response.failed"})
PICTURES = MappingProxyType({"jpg": "jpeg", "svg+xml": "svg"})
Mint = Callable[[str], str]


class _Call:
    """A call whose arguments come in pieces."""

    __slots__ = ("item", "kind", "text")

    def __init__(self, item: Json, kind: CallKind) -> None:
        self.item = item
        self.kind = kind
        self.text = PiecedText()


class Writer:
    """One response on its way. `response` is filled along the way, and is whole after `end` or `fail`. With `quiet` no events
    are told."""

    def __init__(self, response: Json, mint: Mint, *, quiet: bool = False) -> None:
        self.response = response
        self._mint = mint
        self._quiet = quiet
        self._number = 0
        self._events: list[Json] = []
        self._open: Json | None = None
        """The message or the reasoning that is being written."""
        self._written = PiecedText()
        """What its last part says so far; the part has it when it is closed."""
        self._places: dict[str, int] = {}
        """Where in the output an item stands, by its id."""
        self._calls: dict[int, _Call] = {}

    def given(self) -> list[Json]:
        """The events since the last time."""
        events, self._events = self._events, []
        return events

    def begin(self) -> None:
        """That the response exists."""
        self._snapshot("response.created")
        self._snapshot("response.in_progress")

    def end(self, reason: str | None, usage: Json | None, completed_at: int) -> None:
        """That all is said, or as much as the `reason` let be said."""
        status = "incomplete" if reason else "completed"
        self._close_all(status)
        if reason:
            self.response["incomplete_details"] = {"reason": reason}
        self.response |= {"status": status, "completed_at": completed_at, "usage": usage}
        self._snapshot(TERMINAL[status])

    def fail(self, error: Json, usage: Json | None) -> None:
        """That it cannot go on. What was written stays, marked incomplete."""
        self._close_all("incomplete")
        self.response |= {"status": "failed", "error": error, "usage": usage}
        self._snapshot(TERMINAL["failed"])

    # What is said

    def thought(self, text: str) -> None:
        item = self._opened("reasoning")
        if not item["summary"]:
            self._written = PiecedText()
            item["summary"].append({"type": "summary_text", "text": ""})
            self._tell("response.reasoning_summary_part.added", item, summary_index=0, part=_copied(item["summary"][0]))
        self._written.add(text)
        self._tell("response.reasoning_summary_text.delta", item, summary_index=0, delta=text)

    def seal(self, text: str) -> None:
        """The thoughts as only their maker can read them."""
        self._opened("reasoning")["encrypted_content"] = text

    def text(self, kind: str, text: str, logprobs: list[Json]) -> None:
        item = self._opened("message")
        content = item["content"]
        if not content or content[-1]["type"] != kind:
            self._close_part(item)
            self._written = PiecedText()
            content.append(_new_part(kind))
            self._tell_part("response.content_part.added", item)
        self._written.add(text)
        index = len(content) - 1
        if kind == "refusal":
            self._tell("response.refusal.delta", item, content_index=index, delta=text)
            return
        if logprobs:
            content[-1]["logprobs"] += logprobs
        self._tell("response.output_text.delta", item, content_index=index, delta=text, logprobs=logprobs)

    def annotation(self, annotation: Json) -> None:
        """A citation; it belongs to the text, so one that comes first opens it."""
        item = self._opened("message")
        if not item["content"] or item["content"][-1]["type"] != "output_text":
            self.text("output_text", "", [])
        part = item["content"][-1]
        part["annotations"].append(annotation)
        places = {"content_index": len(item["content"]) - 1, "annotation_index": len(part["annotations"]) - 1}
        self._tell("response.output_text.annotation.added", item, **places, annotation=annotation)

    def image(self, image: Image) -> None:
        """A picture is an item of its own; of one that lies elsewhere the text tells the address."""
        url = image.source.url() or image.source.value
        apart = taken_apart(url)
        if apart is None:
            self.text("output_text", f"![image]({url})", [])
            return
        self._close_open()
        made: Json = {"id": self._mint("ig"), "type": "image_generation_call", "status": "completed", "result": apart[1]}
        made["output_format"] = PICTURES.get(apart[0], apart[0])
        item = {**made, "status": "in_progress", "result": None}
        self._add(item)
        self._tell("response.image_generation_call.in_progress", item)
        item |= made
        self._tell("response.image_generation_call.completed", item)
        self._done(item)

    def call(self, block: int, call: ToolCall) -> None:
        """A call, still without its arguments."""
        self._close_open()
        made = self._calls[block] = _Call(self._begun(call), call.kind)
        self._add(made.item)
        if call.arguments:
            self.arguments(block, call.arguments)

    def _begun(self, call: ToolCall) -> Json:
        common: Json = {"status": "in_progress", "call_id": call.call_id or self._mint("call")}
        namespace = {"namespace": call.namespace} if call.namespace else {}
        if call.kind is CallKind.SEARCH:
            more: Json = {"execution": "client", "arguments": {}}
            return {"id": self._mint("tsc"), "type": "tool_search_call", **common, **more}
        if call.kind is CallKind.CUSTOM:
            made = {"id": self._mint("ctc"), "type": "custom_tool_call", **common, "name": call.name, "input": ""}
            return made | namespace
        return {"id": self._mint("fc"), "type": "function_call", **common, "name": call.name, "arguments": ""} | namespace

    def arguments(self, block: int, text: str) -> None:
        """More of a call's arguments. Those of other calls than functions mean something only as a whole."""
        call = self._calls.get(block)
        if call is None or not text:
            return
        call.text.add(text)
        if call.kind is CallKind.FUNCTION:
            self._tell("response.function_call_arguments.delta", call.item, delta=text)

    # Items

    def _opened(self, kind: str) -> Json:
        """The item of that kind which is being written; a new one if it is another."""
        if self._open is None or self._open["type"] != kind:
            self._close_open()
            made: Json = {"id": self._mint("rs" if kind == "reasoning" else "msg"), "type": kind}
            more: Json = {"summary": []} if kind == "reasoning" else {"status": "in_progress", "role": "assistant", "content": []}
            self._open = made | more
            self._add(self._open)
        return self._open

    def _add(self, item: Json) -> None:
        self._places[item["id"]] = len(self.response["output"])
        self.response["output"].append(item)
        if not self._quiet:
            self._emit("response.output_item.added", output_index=self._places[item["id"]], item=_copied(item))

    def _close_all(self, status: str) -> None:
        """Only the last item can be incomplete."""
        last = self.response["output"][-1] if self.response["output"] else None
        self._close_open(status if self._open is last else "completed")
        calls, self._calls = self._calls, {}
        for call in calls.values():
            self._close_call(call, status, last)

    def _close_open(self, status: str = "completed") -> None:
        item, self._open = self._open, None
        if item is None:
            return
        if item["type"] == "reasoning":
            if item["summary"]:
                text = item["summary"][0]["text"] = str(self._written)
                self._tell("response.reasoning_summary_text.done", item, summary_index=0, text=text)
                self._tell("response.reasoning_summary_part.done", item, summary_index=0, part=_copied(item["summary"][0]))
        else:
            self._close_part(item)
            item["status"] = status
        self._done(item)

    def _close_part(self, item: Json) -> None:
        if not item["content"]:
            return
        part, index, text = item["content"][-1], len(item["content"]) - 1, str(self._written)
        if part["type"] == "refusal":
            part["refusal"] = text
            self._tell("response.refusal.done", item, content_index=index, refusal=text)
        else:
            part["text"] = text
            self._tell("response.output_text.done", item, content_index=index, text=text, logprobs=list(part["logprobs"]))
        self._tell_part("response.content_part.done", item)

    def _close_call(self, call: _Call, status: str, last: Json | None) -> None:
        item, text = call.item, str(call.text)
        item["status"] = status if item is last else "completed"
        if call.kind is CallKind.SEARCH:
            item["arguments"] = _object(text)
        elif call.kind is CallKind.CUSTOM:
            item["input"] = text
            self._tell("response.custom_tool_call_input.delta", item, delta=text)
            self._tell("response.custom_tool_call_input.done", item, input=text)
        else:
            item["arguments"] = text
            if not text and status == "completed":  # some send nothing for a function without parameters
                item["arguments"] = "{}"
                self._tell("response.function_call_arguments.delta", item, delta="{}")
            done = {"arguments": item["arguments"], "name": item["name"]}
            self._tell("response.function_call_arguments.done", item, **done)
        self._done(item)

    def _done(self, item: Json) -> None:
        if not self._quiet:
            self._emit("response.output_item.done", output_index=self._places[item["id"]], item=_copied(item))

    # Events

    def _tell_part(self, kind: str, item: Json) -> None:
        self._tell(kind, item, content_index=len(item["content"]) - 1, part=_copied(item["content"][-1]))

    def _tell(self, kind: str, item: Json, **fields: Any) -> None:
        if not self._quiet:
            self._emit(kind, item_id=item["id"], output_index=self._places[item["id"]], **fields)

    def _snapshot(self, kind: str) -> None:
        if not self._quiet:
            self._emit(kind, response=_copied(self.response))

    def _emit(self, kind: str, **fields: Any) -> None:
        self._events.append({"type": kind, "sequence_number": self._number, **fields})
        self._number += 1


def _new_part(kind: str) -> Json:
    if kind == "refusal":
        return {"type": kind, "refusal": ""}
    return {"type": kind, "text": "", "annotations": [], "logprobs": []}


def _object(text: str) -> Any:
    """What is searched for: an object, or the text if the model did not keep the form."""
    try:
        return msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError):
        return text


def _copied(value: Json) -> Json:
    """The value as it is now. Twice through the codec takes an eighth of the time of Python's own deep copy."""
    copied: Json = msgspec.json.decode(msgspec.json.encode(value))
    return copied
