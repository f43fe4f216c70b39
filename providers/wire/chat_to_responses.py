"""How does a chat answer become a response? A state machine that is fed with chat chunks and gives Responses events.

Formats: OpenAI OpenAPI document of August 2026, `/chat/completions`; OpenResponses specification of 2026-04-24. One
counter numbers the events; the response at the end is the sum of what they said. A whole answer goes the same way, as
one chunk. Reasoning is told as summary, which every reader knows.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.pieced_text import PiecedText
from providers.errors import InvalidResponse, Overloaded, ProviderError, UpstreamFailed
from providers.types import Usage
from providers.wire.openai_chat import chat_answer_more
from providers.wire.openai_chat.tool_call import Mint, ToolCall
from providers.wire.openai_responses.response_object import error_object, logprobs_object, usage_object
from providers.wire.openai_responses.tools import Json, Tools

INCOMPLETE = MappingProxyType({"length": "max_output_tokens", "content_filter": "content_filter"})
STOPPED: MappingProxyType[str, type[ProviderError]] = MappingProxyType(
    {"insufficient_system_resource": Overloaded, "error": UpstreamFailed}
)
"""Reasons to stop that are failures."""
SOURCES = ("citations", "search_results")
"""Where vendors list what an answer rests on, beside its text: Perplexity, xAI."""
MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that the format gives it."""
TERMINAL = MappingProxyType({"completed": "response.completed", "incomplete": "response.incomplete", "failed": "response.failed"})


class ResponseWriter:
    """One response on its way. Every method returns the events that its news amounts to.

    `response` is `new_response(...)`; it is filled along the way and is whole after `end` or `fail`. `finished` is true
    once the upstream gave a reason to stop.
    """

    def __init__(self, response: Json, tools: Tools, mint: Mint) -> None:
        self.response = response
        self.finished = False
        self.usage: Usage | None = None
        self._tools = tools
        self._mint = mint
        self._number = 0
        self._events: list[Json] = []
        self._open: Json | None = None
        """The message or the reasoning that is being written."""
        self._written = PiecedText()
        """What its last part says so far; the part has it when it is closed."""
        self._places: dict[str, int] = {}
        """Where in the output an item stands, by its id."""
        self._calls: list[ToolCall] = []
        self._by_id: dict[str, ToolCall] = {}
        self._by_index: dict[Any, ToolCall] = {}
        self._reason = "stop"
        self.lossy: dict[str, None] = {}
        """What of the answer has no word in a response."""

    def begin(self, *, queued: bool = False) -> list[Json]:
        """That the response exists."""
        self._snapshot("response.created")
        if queued:
            self._snapshot("response.queued")
        self._snapshot("response.in_progress")
        return self._given()

    def chunk(self, chunk: Json) -> list[Json]:
        """What a chat chunk says. Raises `InvalidResponse` for one that cannot be read."""
        try:
            if tier := _string(chunk.get("service_tier")):
                self.response["service_tier"] = tier
            self.lossy |= dict.fromkeys(name for name in SOURCES if chunk.get(name))
            for choice in chunk.get("choices") or ():
                if choice.get("index", 0) == 0:
                    self._delta(choice.get("delta") or {}, choice.get("logprobs"))
                    if reason := _string(choice.get("finish_reason")):
                        self._stop(reason)
        except MISFITS as error:
            raise InvalidResponse("a chunk cannot be read") from error
        return self._given()

    def _stop(self, reason: str) -> None:
        if reason in STOPPED:
            raise STOPPED[reason](f"it stopped for the reason {reason!r}")
        self.finished, self._reason = True, reason

    def whole(self, completion: Json) -> None:
        """Fills the response with a chat answer that came at once. Raises `InvalidResponse` for one that cannot be read."""
        try:
            first = (completion.get("choices") or [{}])[0]
            message = first.get("message") or {}
            calls = [{"index": at, **call} for at, call in enumerate(message.get("tool_calls") or ())]
            choice = {
                "delta": {**message, "tool_calls": calls},
                "logprobs": first.get("logprobs"),
                "finish_reason": first.get("finish_reason") or "stop",
            }
        except MISFITS as error:
            raise InvalidResponse("the answer cannot be read") from error
        self.chunk({"choices": [choice]} | {name: completion.get(name) for name in ("service_tier", *SOURCES)})

    def end(self, usage: Usage | None, completed_at: int) -> list[Json]:
        """That the upstream has said all. Raises `InvalidResponse` for a call that has no name."""
        reason = INCOMPLETE.get(self._reason)
        if not self.response["output"] and any(name.startswith(chat_answer_more.SAYING) for name in self.lossy):
            raise InvalidResponse(f"it holds nothing that a response can tell, but {', '.join(self.lossy)}")
        if not reason and any(call.arguments and not call.name for call in self._calls):
            raise InvalidResponse("a tool call has no name")
        status = "incomplete" if reason else "completed"
        self._close_all(status)
        if reason:
            self.response["incomplete_details"] = {"reason": reason}
        self.response |= {"status": status, "completed_at": completed_at, "usage": usage_object(usage) if usage else None}
        self._snapshot(TERMINAL[status])
        return self._given()

    def fail(self, code: str, message: str, usage: Usage | None = None, more: Json | None = None) -> list[Json]:
        """That it cannot go on, with `more` fields of the error. What was written stays, marked incomplete."""
        self._close_all("incomplete")
        self.response |= {"status": "failed", "error": error_object(code, message) | (more or {})}
        self.response["usage"] = usage_object(usage) if usage else None
        self._snapshot(TERMINAL["failed"])
        return self._given()

    # What a delta says

    def _delta(self, delta: Json, logprobs: Any) -> None:
        if thought := chat_answer_more.thought_of(delta):
            self._reasoning(thought)
        self.lossy |= dict.fromkeys(chat_answer_more.left_out(delta))
        if content := chat_answer_more.text_of(delta.get("content")) or chat_answer_more.transcript_of(delta):
            tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
            self._text("output_text", content, logprobs_object(tokens))
        if refusal := delta.get("refusal"):
            self._text("refusal", refusal, [])
        for annotation in delta.get("annotations") or ():
            self._annotation(annotation)
        for url in chat_answer_more.images_of(delta):
            self._image(url)
        for call in delta.get("tool_calls") or ():
            self._call(call)
        if function := delta.get("function_call"):  # of the time before tools
            self._call({"function": function})

    def _reasoning(self, text: str) -> None:
        item = self._opened("reasoning")
        if not item["summary"]:
            self._written = PiecedText()
            item["summary"].append({"type": "summary_text", "text": ""})
            self._tell("response.reasoning_summary_part.added", item, summary_index=0, part=_copied(item["summary"][0]))
        self._written.add(text)
        self._tell("response.reasoning_summary_text.delta", item, summary_index=0, delta=text)

    def _text(self, kind: str, text: str, logprobs: list[Json]) -> None:
        item = self._opened("message")
        if not item["content"] or item["content"][-1]["type"] != kind:
            self._close_part(item)
            self._written = PiecedText()
            item["content"].append(_new_part(kind))
            self._tell_part("response.content_part.added", item)
        part = item["content"][-1]
        self._written.add(text)
        index = len(item["content"]) - 1
        if kind == "refusal":
            self._tell("response.refusal.delta", item, content_index=index, delta=text)
            return
        part["logprobs"] += logprobs
        self._tell("response.output_text.delta", item, content_index=index, delta=text, logprobs=logprobs)

    def _annotation(self, annotation: Json) -> None:
        """A citation; it belongs to the text, so one that comes first opens it."""
        item = self._opened("message")
        if not item["content"] or item["content"][-1]["type"] != "output_text":
            self._text("output_text", "", [])
        part = item["content"][-1]
        made = {"type": annotation.get("type"), **(annotation.get(str(annotation.get("type"))) or {})}
        made = made if len(made) > 1 else annotation
        part["annotations"].append(made)
        places = {"content_index": len(item["content"]) - 1, "annotation_index": len(part["annotations"]) - 1}
        self._tell("response.output_text.annotation.added", item, **places, annotation=made)

    def _image(self, url: str) -> None:
        """A picture is an item of its own; of one that lies elsewhere the text tells the address."""
        made = chat_answer_more.image_item(self._mint("ig"), url)
        if made is None:
            self._text("output_text", f"![image]({url})", [])
            return
        self._close_open()
        item = {**made, "status": "in_progress", "result": None}
        self._add(item)
        self._tell("response.image_generation_call.in_progress", item)
        item |= made
        self._tell("response.image_generation_call.completed", item)
        self._done(item)

    def _call(self, piece: Json) -> None:
        function = piece.get("function") or {}
        call_id, name = _string(piece.get("id")), _string(function.get("name"))
        call = self._known_call(call_id, piece.get("index"), name, function.get("arguments"))
        if call is None:
            call_id = "" if call_id in self._by_id else call_id
            call = self._by_index[piece.get("index")] = ToolCall(self._tools, piece.get("index"))
            self._calls.append(call)
        call.call_id = call.call_id or call_id
        call.name = call.name or name
        new = call.more(function.get("arguments") or "")
        if call.item is None and call.name and self._tools.may_call(call.name):
            self._close_open()
            call.item = call.begun(self._mint)
            self._add(call.item)
            new = call.arguments
        if call.call_id:
            self._by_id[call.call_id] = call
        if call.item is not None and new and call.told_in_pieces:
            self._tell("response.function_call_arguments.delta", call.item, delta=new)

    def _known_call(self, call_id: str, index: Any, name: str, more: Any) -> ToolCall | None:
        """The call that a piece belongs to, None for one that begins another. Some upstreams count from one, or not at all, or
        give two calls one number or one id, or each piece an id of its own."""
        if call_id in self._by_id:
            call = self._by_id[call_id]
            apart = name and None not in (index, call.index) and index != call.index
            return None if apart or not call.goes_on(name, more) else call
        placed = None if index is None else self._by_index.get(index)
        if not self._calls or (call_id and not placed):
            return None
        call = placed or self._calls[-1]
        if name:
            fits = bool(placed or index is None) and not (call_id and call.call_id)
            return call if fits and (call_id or call.goes_on(name, more)) else None
        stays = index is None or (bool(placed) and not (call_id and call.call_id))
        return call if stays or not call.is_whole() else None

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
        self._emit("response.output_item.added", output_index=self._index(item), item=_copied(item))

    def _index(self, item: Json) -> int:
        return self._places[item["id"]]

    def _close_all(self, status: str) -> None:
        """Only the last item can be incomplete."""
        last = self.response["output"][-1] if self.response["output"] else None
        self._close_open(status if self._open is last else "completed")
        self._close_calls(status)

    def _close_open(self, status: str = "completed") -> None:
        item, self._open = self._open, None
        if item is None:
            return
        if item["type"] == "reasoning":
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

    def _close_calls(self, status: str) -> None:
        calls, self._calls = self._calls, []
        for call in calls:
            item = call.item
            if item is None:
                continue
            item["status"] = status if item is self.response["output"][-1] else "completed"
            if call.search:
                item["arguments"] = call.search_arguments()
            elif call.custom:
                item["input"] = call.custom_input()
                self._tell("response.custom_tool_call_input.delta", item, delta=item["input"])
                self._tell("response.custom_tool_call_input.done", item, input=item["input"])
            else:
                item["arguments"] = call.arguments
                if not call.arguments and status == "completed":  # some send nothing for a function without parameters
                    item["arguments"] = "{}"
                    self._tell("response.function_call_arguments.delta", item, delta="{}")
                done = {"arguments": item["arguments"], "name": item["name"]}
                self._tell("response.function_call_arguments.done", item, **done)
            self._done(item)

    def _done(self, item: Json) -> None:
        self._emit("response.output_item.done", output_index=self._index(item), item=_copied(item))

    # Events

    def _tell_part(self, kind: str, item: Json) -> None:
        self._tell(kind, item, content_index=len(item["content"]) - 1, part=_copied(item["content"][-1]))

    def _tell(self, kind: str, item: Json, **fields: Any) -> None:
        self._emit(kind, item_id=item["id"], output_index=self._index(item), **fields)

    def _snapshot(self, kind: str) -> None:
        self._emit(kind, response=_copied(self.response))

    def _emit(self, kind: str, **fields: Any) -> None:
        self._events.append({"type": kind, "sequence_number": self._number, **fields})
        self._number += 1

    def _given(self) -> list[Json]:
        events, self._events = self._events, []
        return events


def _string(value: Any) -> str:
    """Nothing for null. Raises `TypeError` for what is no text."""
    if value is None or isinstance(value, str):
        return value or ""
    raise TypeError("no text")


def _new_part(kind: str) -> Json:
    return (
        {"type": kind, "text": "", "annotations": [], "logprobs": []} if kind == "output_text" else {"type": kind, "refusal": ""}
    )


def _copied(value: Json) -> Json:
    """The value as it is now. Twice through the codec takes an eighth of the time of Python's own deep copy."""
    copied: Json = msgspec.json.decode(msgspec.json.encode(value))
    return copied
