"""What do the turns of another wire's answer add up to, as one chat message?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Audio, Block, Image, Reasoning, Refusal, Text, TokenLogprob, ToolCall, Turn
from providers.canonical.extra import Json
from providers.canonical.functions import full_name
from providers.canonical.tools import CallKind
from providers.wire.openai_chat.codec.answers.annotations import logprobs_json, web_annotation
from providers.wire.openai_chat.codec.calls import ARGUMENTS, signed
from providers.wire.openai_chat.codec.content import image_part
from providers.wire.openai_chat.codec.messages import audio_of, details_of

PAUSE = "\n\n"
"""Between two pieces of reasoning, which chat has not."""
CUT = "incomplete"
"""The status of a turn whose call may lack arguments."""


class Sum:
    """One message on its way; `calls` are the calls in it."""

    def __init__(self) -> None:
        self.calls: list[Json] = []
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._thoughts: list[str] = []
        self._details: list[Json] = []
        self._annotations: list[Json] = []
        self._images: list[Json] = []
        self._tokens: list[TokenLogprob] = []
        self._sound: Json | None = None
        self._length = 0
        self._summary: bool | None = None
        self._cut = False

    def turn(self, turn: Turn) -> None:
        self._summary, self._cut = None, turn.status == CUT
        for block in turn.blocks:
            take = TAKERS.get(type(block))
            if take is not None:
                take(self, block)

    def message(self) -> Json:
        content, refusal = "".join(self._texts), "".join(self._refusals)
        said = content or (None if refusal or self.calls else "")
        made: Json = {"role": "assistant", "content": said, "refusal": refusal or None, "annotations": self._annotations}
        thought = PAUSE.join(self._thoughts)
        more: Json = {"reasoning_content": thought, "reasoning_details": self._details, "images": self._images}
        more |= {"audio": self._sound, "tool_calls": self.calls}
        return made | {name: value for name, value in more.items() if value}

    def logprobs(self) -> Json | None:
        return {"content": logprobs_json(self._tokens), "refusal": None} if self._tokens else None

    def text(self, block: Text) -> None:
        self._texts.append(block.text)
        made = (web_annotation(citation, self._length) for citation in block.citations)
        self._annotations += [one for one in made if one is not None]
        self._tokens += block.logprobs or ()
        self._length += len(block.text)

    def refusal(self, block: Refusal) -> None:
        self._refusals.append(block.text)

    def thought(self, block: Reasoning) -> None:
        """The thoughts of a turn, or their summary, not both."""
        self._details += details_of(block)
        if not block.text or self._summary not in (None, block.summary):
            return
        self._summary = block.summary
        self._thoughts.append(block.text)

    def image(self, block: Image) -> None:
        if block.source.url():
            self._images.append(picture_of(block))

    def audio(self, block: Audio) -> None:
        self._sound = audio_of(block)

    def call(self, block: ToolCall) -> None:
        self.calls.append(call_json(block, len(self.calls), cut=self._cut))


def call_json(block: ToolCall, number: int, *, cut: bool) -> Json:
    """A call. A function without arguments has an empty object of them, unless it was cut off."""
    kind = CallKind.CUSTOM if block.kind is CallKind.CUSTOM else CallKind.FUNCTION
    nothing = "" if cut or kind is CallKind.CUSTOM else "{}"
    inner = {"name": full_name(block.namespace, block.name), ARGUMENTS[kind]: block.arguments or nothing}
    made: Json = {"id": call_id(block, number), "type": kind.value, kind.value: inner}
    return made if block.signature is None else made | {"extra_content": signed(block.signature)}


def call_id(block: ToolCall, number: int) -> str:
    """What its result will name: some upstreams give a call no id, or only that of the item."""
    return block.call_id or block.id or f"call_{number}"


def picture_of(block: Image) -> Json:
    """A picture, as OpenRouter and Gemini have it in chat."""
    return {"type": "image_url", "image_url": image_part(block)["image_url"]}


TAKERS: Mapping[type[Block], Callable[[Sum, Any], None]] = MappingProxyType(
    {
        Text: Sum.text,
        Refusal: Sum.refusal,
        Reasoning: Sum.thought,
        Image: Sum.image,
        Audio: Sum.audio,
        ToolCall: Sum.call,
    }
)
