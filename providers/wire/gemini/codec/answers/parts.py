"""Which parts of a content say, for a client, what the blocks of another wire's answer say?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.blocks import Audio, Block, Image, Reasoning, Refusal, Text, ToolCall, Video
from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.canonical.signature import Signature
from providers.wire.gemini.codec.calls import args_of, called_name
from providers.wire.gemini.codec.media import audio_type, media_part
from providers.wire.gemini.codec.signatures import signed

Parts = list[Json]


def answer_parts(block: Block, losses: Losses) -> Parts:
    """The parts of a block: none of one that is empty, or that Gemini has no word for, which the losses name."""
    make = MAKERS.get(type(block))
    return [] if make is None else make(block, losses)


def _text(block: Text, losses: Losses) -> Parts:
    signature = {} if block.signature is None else {"thoughtSignature": signed(block.signature)}
    return [{"text": block.text, **signature}] if block.text or signature else []


def _refusal(block: Refusal, losses: Losses) -> Parts:
    return [{"text": block.text}] if block.text else []


def _thought(block: Reasoning, losses: Losses) -> Parts:
    """Thoughts, with the signature of whoever has signed them."""
    made: Parts = []
    if block.text or block.signature is not None:
        signature = {} if block.signature is None else {"thoughtSignature": signed(block.signature)}
        made.append({"text": block.text, "thought": True, **signature})
    return made if block.sealed is None else [*made, sealed_part(block.sealed)]


def sealed_part(sealed: Signature) -> Json:
    """Thoughts that only their maker can read."""
    return {"text": "", "thought": True, "thoughtSignature": signed(sealed, sealed=True)}


def _call(block: ToolCall, losses: Losses) -> Parts:
    """A call. Clients look for `args` in every one."""
    args, same = args_of(block)
    if not same:
        losses.field(block, "arguments")
    call_id = block.call_id or block.id
    made: Json = {"functionCall": {**({"id": call_id} if call_id else {}), "name": called_name(block), "args": args or {}}}
    return [made if block.signature is None else made | {"thoughtSignature": signed(block.signature)}]


def _picture(block: Image | Video, losses: Losses) -> Parts:
    part = media_part(block.source)
    if part is None:
        losses.whole(block)
    return [] if part is None else [part]


def _audio(block: Audio, losses: Losses) -> Parts:
    """A sound, and what is said in it as a text."""
    said = [{"text": block.transcript}] if block.transcript else []
    part = media_part(block.source, audio_type(block.format or "wav")) if block.source else None
    return said + ([part] if part is not None else [])


MAKERS: Mapping[type, Callable[[Any, Losses], Parts]] = MappingProxyType(
    {
        Text: _text,
        Refusal: _refusal,
        Reasoning: _thought,
        ToolCall: _call,
        Image: _picture,
        Video: _picture,
        Audio: _audio,
    }
)
