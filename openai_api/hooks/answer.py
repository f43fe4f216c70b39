"""How does a hook see an answer, edit it, or give one of its own?"""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import msgspec

from openai_api.hooks.request import Junk
from providers.bytes.halves import decoded
from providers.bytes.patch import fields_of, patch
from providers.bytes.sse import Frames
from providers.canonical.answer import Answer, Choice, Stop, StopReason, Used
from providers.canonical.blocks import Role, Text, Turn
from providers.canonical.request import Words
from providers.convert.reading import (
    canonical_answer,
    canonical_request,
    encoded_answer,
    is_conversation,
    reply_of,
    retold,
    streamed_answer,
)
from providers.types import Answered, Call, Reply, Usage, Wire

JSON = "application/json"


class HookAnswer:
    """An answer in the wire of its request.

    `body` is its JSON object, to be edited in place; None if it is none. `data` are its bytes, for answers that are no JSON, and
    may be set. `canonical` is the same in the form that all conversations share, None for others; it may be set. Of one that was
    `streamed` the body is what its frames amount to, where the wire is a conversation's, and edits of it are not sent.

    A hook makes one with `HookAnswer(body=…)`, `HookAnswer(data=…, content_type=…)` or, for conversations,
    `HookAnswer.saying(…)`.
    """

    def __init__(
        self, *, body: dict[str, Any] | None = None, data: bytes = b"", content_type: str = JSON, text: str | None = None
    ) -> None:
        self.wire: Wire | None = None
        self.content_type = content_type
        self.streamed = False
        self.frames: Frames = []
        self._reply: Reply | None = None
        self._data = data
        self._text = text
        self._call: Call | None = None
        if body is not None:
            self.__dict__["body"] = body

    @classmethod
    def saying(cls, text: str) -> HookAnswer:
        """An answer that says the text, whatever the conversation's wire."""
        return cls(text=text)

    @classmethod
    def of(cls, reply: Reply, call: Call) -> HookAnswer:
        """A whole answer that a call has got."""
        made = cls(data=reply.body, content_type=reply.content_type.decode("latin-1"))
        made.wire, made._reply, made._call = reply.wire, reply, call
        return made

    @classmethod
    def of_stream(cls, frames: Frames, call: Call, content_type: str) -> HookAnswer:
        """What the frames of a stream amount to."""
        made = cls(content_type=content_type)
        made.wire, made._call, made.streamed, made.frames = call.wire, call, True, frames
        return made

    @cached_property
    def body(self) -> dict[str, Any] | None:
        if self.streamed:
            answer = self.canonical
            if answer is None or self._call is None or (request := canonical_request(self._call)) is None:
                return None
            return encoded_answer(answer, self._call, request)
        if not self.content_type.startswith(JSON):
            return None
        value = decoded(self._data) if self._data else None
        return value if isinstance(value, dict) else None

    @property
    def data(self) -> bytes:
        """Its bytes; of a stream those of all its frames."""
        return b"".join(self.frames) if self.streamed else self._data

    @data.setter
    def data(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise Junk("the data of an answer are bytes")
        self._data = data
        self.__dict__.pop("body", None)

    @property
    def canonical(self) -> Answer | None:
        if self.wire is None or not is_conversation(self.wire):
            return None
        if self.streamed:
            return self._told
        return None if self.body is None else canonical_answer(self.wire, self.body)

    @canonical.setter
    def canonical(self, answer: Answer) -> None:
        if self._call is None or (request := canonical_request(self._call)) is None:
            raise Junk("only the answer of a conversation has a canonical form")
        self.__dict__["body"] = encoded_answer(answer, self._call, request)

    @cached_property
    def _told(self) -> Answer | None:
        return None if self.wire is None else streamed_answer(self.wire, self.frames)

    def result(self) -> Reply:
        """The reply with the edits. Raises `Junk`, or what the encoder raises."""
        reply = self._reply
        if reply is None:
            raise Junk("an answer of a hook's own is given by before_request")
        if "body" not in self.__dict__:
            return reply if self._data is reply.body else _with(reply, self._data)
        before, now = decoded(reply.body) if reply.body else None, self.body
        if now is None or not isinstance(before, dict) or self._data is not reply.body:
            return _with(reply, msgspec.json.encode(now) if now is not None else self._data)
        if msgspec.json.encode(before) == msgspec.json.encode(now):
            return reply
        changes: dict[str, bytes | None] = {name: None for name in before if name not in now}
        for name, value in now.items():
            if name not in before or msgspec.json.encode(before[name]) != msgspec.json.encode(value):
                changes[name] = msgspec.json.encode(value)
        return _with(reply, patch(reply.fields or fields_of(reply.body), changes))

    async def answered(self, call: Call) -> Answered:
        """The answer to the call, in place of a target's. Raises `Junk`."""
        reply = self._own(call)
        if not call.stream or reply.fields is None:
            return reply
        if not is_conversation(call.wire):
            raise Junk(f"a stream of {call.wire.value} cannot be made of a whole answer")
        return await retold(call, reply)

    def _own(self, call: Call) -> Reply:
        if self._text is not None:
            if (request := canonical_request(call)) is None:
                raise Junk(f"{call.wire.value} is no conversation: give a body")
            return reply_of(_saying(self._text, request.words), call, request)
        if "body" in self.__dict__:
            if not isinstance(self.body, dict):
                raise Junk("the body of an answer is an object")
            data = msgspec.json.encode(self.body)
            return Reply(wire=call.wire, body=data, fields=fields_of(data))
        return Reply(wire=call.wire, body=self._data, content_type=self.content_type.encode("latin-1", "replace"))


def _saying(text: str, words: Words) -> Answer:
    """The answer as of a wire that no client speaks, so that each encoder writes it as what another vendor has said."""
    turn = Turn(role=Role.ASSISTANT, blocks=(Text(text),))
    choice = Choice(turns=(turn,), stop=Stop(reason=StopReason.END))
    return Answer(wire=Wire.BEDROCK_CONVERSE, words=words, created=int(time.time()), choices=(choice,), used=Used(tokens=Usage()))


def _with(reply: Reply, body: bytes) -> Reply:
    if reply.fields is None:
        return msgspec.structs.replace(reply, body=body)
    return msgspec.structs.replace(reply, body=body, fields=fields_of(body))
