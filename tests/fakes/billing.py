"""Which upstream bills? One that speaks three wires, and adds up what it has told of each answer, at prices of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

from tests.fakes.vendor import Said, Seen, Vendor, events, said

INPUT, OUTPUT, REQUEST = 3, 15, Decimal("0.002")
"""US dollars for a million tokens; for a moderation."""
WORDS = ("a", "b", "c", "d", "e")
CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up"}
CHAT = {**CHUNK, "object": "chat.completion"}
MESSAGE = {"id": "m1", "type": "message", "role": "assistant", "model": "up", "stop_sequence": None}
RESPONSE = {"object": "response", "created_at": 1, "status": "completed", "model": "up"}
STOP = {"index": 0, "finish_reason": "stop"}
FAILURE = {"error": {"message": "out of order", "type": "server_error", "param": None, "code": None}}


class Biller:
    """Its answers; each has other numbers of tokens than those before. `bill` is the sum, in US dollars. A client of the model
    `paced` gets five words, each with what was used until then, and no more until `left` is set."""

    def __init__(self, upstream: Vendor) -> None:
        self.bill = Decimal(0)
        self.left = threading.Event()
        self._number = 0
        self._upstream = upstream
        upstream.answers["/v1/chat/completions"] = self._chat
        upstream.answers["/v1/messages"] = self._message
        upstream.answers["/v1/responses"] = self._response
        upstream.answers["/v1/moderations"] = self._moderation

    def _used(self) -> tuple[int, int]:
        self._number += 1
        tokens = 100 + self._number, 10 + 2 * self._number
        self._charge(*tokens)
        return tokens

    def _charge(self, sent: int, received: int) -> None:
        self.bill += (Decimal(sent) * INPUT + Decimal(received) * OUTPUT) / 10**6

    def _chat(self, seen: Seen) -> Said:
        asked = seen.json
        if asked["model"] == "broken":
            return said(FAILURE, 500)
        if asked["model"] == "paced":
            return Said(content_type="text/event-stream", chunks=cast("Sequence[bytes]", self._paced()))
        usage = _of_chat(*self._used())
        if not asked.get("stream"):
            message = {"role": "assistant", "content": "hello"}
            return said({**CHAT, "choices": [{**STOP, "message": message}], "usage": usage})
        words = [{**CHUNK, "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in WORDS]
        end = {**CHUNK, "choices": [{**STOP, "delta": {}}]}
        return events(*words, end, {**CHUNK, "choices": [], "usage": usage}, done=True)

    def _paced(self) -> Iterator[bytes]:
        self._charge(100, len(WORDS))
        for number, word in enumerate(WORDS):
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            said_ = events({**CHUNK, "choices": [choice], "usage": _of_chat(100, number + 1)})
            yield from said_.chunks or ()
        self.left.wait(10)

    def _message(self, seen: Seen) -> Said:
        sent, received = self._used()
        if not seen.json.get("stream"):
            usage = {"input_tokens": sent, "output_tokens": received}
            return said({**MESSAGE, "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn", "usage": usage})
        begun: dict[str, Any] = {
            **MESSAGE,
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": sent, "output_tokens": 1},
        }
        deltas = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in WORDS]
        ended = {"stop_reason": "end_turn", "stop_sequence": None}
        return events(
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *deltas,
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": {"output_tokens": received}},
            {"type": "message_stop"},
            names=True,
        )

    def _response(self, seen: Seen) -> Said:
        sent, received = self._used()
        usage = {"input_tokens": sent, "output_tokens": received, "total_tokens": sent + received}
        usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}  # type: ignore[dict-item]
        part = {"type": "output_text", "text": "hello", "annotations": []}
        item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
        whole: dict[str, Any] = {**RESPONSE, "id": f"resp_{uuid4().hex}", "output": [item], "usage": usage}
        if seen.json.get("background"):
            self._upstream.answers[f"/v1/responses/{whole['id']}"] = lambda seen: said({**whole, "background": True})
            return said({**whole, "status": "queued", "output": [], "usage": None, "background": True})
        if not seen.json.get("stream"):
            return said(whole)
        begun = {**whole, "status": "in_progress", "output": [], "usage": None}
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        return events(
            {"type": "response.created", "sequence_number": 0, "response": begun},
            {"type": "response.output_text.delta", "sequence_number": 1, **place, "delta": "hello", "logprobs": []},
            {"type": "response.completed", "sequence_number": 2, "response": whole},
            names=True,
            done=True,
        )

    def _moderation(self, seen: Seen) -> Said:
        self.bill += REQUEST
        result = {"flagged": False, "categories": {}, "category_scores": {}, "category_applied_input_types": {}}
        return said({"id": "modr-1", "model": "up", "results": [result]})


def _of_chat(sent: int, received: int) -> dict[str, int]:
    return {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}
