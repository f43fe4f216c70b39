"""Are the tool calls of an upstream told as OpenAI's clients expect them? What is wrong is put right, all else stays as it came.

By the format, the first piece of a call has its id and name, all have its index, counted from 0, and the choice ends with
`tool_calls`. Upstreams in use count from 1 or not at all, give parallel calls one index, repeat the id and the name in each piece
or the whole arguments at the end, leave the id out, or end with `stop`: `codec/streams/calls.py` knows which call a piece is of.
Clients that join pieces by index, and ids and names by adding them up, make calls of that which nobody can answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from providers.bytes.halves import read, told_fields
from providers.bytes.patch import patch
from providers.types import Reply
from providers.wire.openai_chat.codec.streams.calls import Call, Calls

CALLS = b'"tool_calls"'
PREFIX = "call"
Json = dict[str, Any]
Mint = Callable[[str], str]
_decode = msgspec.json.Decoder(list[Json]).decode


class CallRepair:
    """The calls of one stream; `mint` makes ids with a prefix. With `forced` its client has named the tool to call, and OpenAI
    itself ends such a choice with `stop`."""

    def __init__(self, mint: Mint, *, forced: bool) -> None:
        self._mint = mint
        self._forced = forced
        self._choices: dict[Any, Calls] = {}
        self._named: set[Call] = set()

    @property
    def begun(self) -> bool:
        """Whether there are calls, so that the reason to stop must be looked at."""
        return bool(self._choices)

    def repaired(self, choices: bytes) -> bytes | None:
        """The choices of a chunk as they should be; None if they are so already, or cannot be read."""
        try:
            found = read(_decode, choices)
        except msgspec.DecodeError:
            return None
        changed = [self._choice(choice) for choice in found]
        return msgspec.json.encode(found) if any(changed) else None

    def _choice(self, choice: Json) -> bool:
        delta, index = choice.get("delta"), choice.get("index")
        told = delta.get("tool_calls") if isinstance(delta, dict) else None
        changed = False
        for piece in told if isinstance(told, list) else ():
            if isinstance(piece, dict):
                changed |= self._piece(self._choices.setdefault(index, Calls()), piece)
        if index in self._choices and choice.get("finish_reason") == "stop" and not self._forced:
            choice["finish_reason"] = "tool_calls"
            changed = True
        return changed

    def _piece(self, calls: Calls, piece: Json) -> bool:
        """Puts a piece of a call right; whether anything was wrong with it."""
        function = piece.get("function")
        given = dict(function) if isinstance(function, dict) else {}
        call_id, name, arguments = _text(piece.get("id")), _text(given.get("name")), given.get("arguments")
        known = len(calls.all)
        call = calls.of(call_id, piece.get("index"), name, arguments)
        before = dict(piece)
        piece["index"] = calls.all.index(call)
        if len(calls.all) > known:
            self._begin(call, piece)
        else:
            piece.pop("id", None)
        if name and call in self._named and name == call.name:
            given.pop("name")
        elif name:
            self._named.add(call)
        if arguments:
            given["arguments"] = call.more(arguments)
        if given or function:
            piece["function"] = given
        return piece != before

    def _begin(self, call: Call, piece: Json) -> None:
        call.call_id = call.call_id or self._mint(PREFIX)
        piece["id"] = call.call_id
        piece.setdefault("type", "function")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def whole_repaired(reply: Reply, mint: Mint, *, forced: bool) -> Reply:
    """A whole answer whose calls all have ids, and whose choices with calls end so."""
    if reply.fields is None or CALLS not in reply.body:
        return reply
    raw = reply.fields.raw("choices")
    try:
        choices = read(_decode, raw or b"null")
    except msgspec.DecodeError:
        return reply
    changed = False
    for choice in choices:
        changed |= _whole_choice(choice, mint, forced=forced)
    if not changed:
        return reply
    body = patch(reply.fields, {"choices": msgspec.json.encode(choices)})
    return msgspec.structs.replace(reply, body=body, fields=told_fields(body))


def _whole_choice(choice: Json, mint: Mint, *, forced: bool) -> bool:
    message = choice.get("message")
    calls = message.get("tool_calls") if isinstance(message, dict) else None
    if not isinstance(calls, list) or not calls:
        return False
    nameless = [call for call in calls if isinstance(call, dict) and not _text(call.get("id"))]
    for call in nameless:
        call["id"] = mint(PREFIX)
    ends = choice.get("finish_reason") == "stop" and not forced
    if ends:
        choice["finish_reason"] = "tool_calls"
    return bool(nameless) or ends
