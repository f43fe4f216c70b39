"""How is a message read, and written again as it was? The same in a request and in an answer.

Formats: OpenAI's OpenAPI document of November 2026, `/chat/completions`; `reasoning_content` (DeepSeek, xAI, vLLM), `reasoning`
(OpenRouter, Groq, Ollama), `reasoning_details` (OpenRouter, signed), `images` (OpenRouter, Gemini), `extra_content` of calls
(Gemini's signatures of thoughts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from providers.canonical.blocks import Audio, Block, Image, Opaque, Reasoning, Refusal, Source, SourceKind, Text, ToolCall, Turn
from providers.canonical.extra import Extra, Json, Place
from providers.canonical.leftovers import taken
from providers.canonical.signature import Signature, carried, signature_in
from providers.wire.openai_chat.codec.calls import call_block, call_of, old_call_block, old_call_of
from providers.wire.openai_chat.codec.content import (
    IMAGES,
    THINKING,
    WHOLE_TEXT,
    content_of,
    image_part,
    part_block,
)
from providers.wire.openai_chat.codec.leftovers import extra_of, rest_of, spelled
from providers.wire.openai_chat.codec.words import WIRE

THOUGHTS = ("reasoning_content", "reasoning")
"""What vendors call the text of their thoughts."""
DETAILS = "reasoning_details"
SILENT = frozenset({*THOUGHTS, DETAILS, "annotations"})
"""Fields of a message of a request that say nothing to the model when they come back."""
SILENT_IN_ANSWERS = frozenset(
    {*SILENT, "content", "name", "index", "type", "obfuscation", "tool_call_id", "phase", "refusal", "audio"}
)
Odd = Callable[[Place, str], None]
"""Takes note of a value that has not the type which the format gives it."""


# From chat


def content_blocks(rest: Json, place: Place, *, answer: bool = False, empty: bool = False) -> list[Block]:
    """The blocks of a content, which is taken out of the rest. With `empty`, a text without a character is one, too."""
    value = rest.get("content")
    if type(value) is str and (value or empty):
        del rest["content"]
        return [Text(value, called=WHOLE_TEXT, place=(*place, "content"))]
    if type(value) is list and value:
        del rest["content"]
        return [part_block(part, (*place, "content", number), answer=answer) for number, part in enumerate(value)]
    return []


def assistant_blocks(rest: Json, place: Place, odd: Odd, *, answer: bool = False) -> list[Block]:
    """What an assistant has thought, said and called, taken out of the rest."""
    blocks = [*thought_blocks(rest, place), *content_blocks(rest, place, answer=answer)]
    if not isinstance(rest.get("content"), str | list | None):
        odd((*place, "content"), "The content must be a text or a list of parts.")
    if rest.get("refusal") and (refusal := taken(rest, "refusal", str)):
        blocks.append(Refusal(refusal, called="message", place=(*place, "refusal")))
    if answer:
        blocks += _media(rest, place)
    calls = taken(rest, "tool_calls", list) if rest.get("tool_calls") else None
    blocks += [call_block(call, (*place, "tool_calls", number), odd, answer=answer) for number, call in enumerate(calls or ())]
    if rest.get("tool_calls"):
        odd((*place, "tool_calls"), "The field 'tool_calls' must be a list.")
    if answer and type(rest.get("function_call")) is dict:
        blocks.append(old_call_block(rest.pop("function_call"), (*place, "function_call"), odd))
    return blocks


def thought_blocks(rest: Json, place: Place) -> list[Block]:
    """What was thought, by whatever name, with what its maker has signed or sealed."""
    name = next((name for name in THOUGHTS if type(rest.get(name)) is str and rest[name]), None)
    signature, sealed, told = _details(rest.get(DETAILS))
    blocks: list[Block] = []
    if name is not None:
        blocks.append(Reasoning(rest.pop(name), signature=signature, called=name, place=(*place, name)))
    elif told or signature is not None:
        blocks.append(Reasoning(told, signature=signature, called=DETAILS, place=(*place, DETAILS)))
    if sealed is not None:
        blocks.append(Reasoning(sealed=sealed, called=DETAILS, place=(*place, DETAILS)))
    return blocks


def _details(details: Any) -> tuple[Signature | None, Signature | None, str]:
    """A signature, sealed thoughts, and the text of OpenRouter's `reasoning_details`."""
    signature = sealed = None
    text = ""
    for one in details if isinstance(details, list) else ():
        if not isinstance(one, dict):
            continue
        if isinstance(one.get("signature"), str) and one["signature"]:
            signature = signature_in(one["signature"], WIRE)
        if isinstance(one.get("data"), str) and one["data"]:
            sealed = signature_in(one["data"], WIRE)
        said = one.get("text") or one.get("summary")
        text += said if isinstance(said, str) else ""
    return signature, sealed, text


def _media(rest: Json, place: Place) -> Iterable[Block]:
    """The sound and the pictures of an answer."""
    if type(rest.get("audio")) is dict:
        yield audio_block(rest.pop("audio"), (*place, "audio"))
    images = rest.get("images")
    if type(images) is list and images:
        read = [image_block(image, (*place, "images", number)) for number, image in enumerate(images)]
        if None not in read:
            del rest["images"]
            yield from (block for block in read if block is not None)


def audio_block(sound: Json, place: Place) -> Audio:
    """The model's own sound, with what is said in it."""
    rest = dict(sound)
    data, transcript, known = (taken(rest, name, str) for name in ("data", "transcript", "id"))
    source = Source(SourceKind.BASE64, data) if data is not None else None
    extra = extra_of(rest)
    return Audio(source, transcript=transcript, id=known, called="audio", place=place, extra=extra)


def image_block(image: Any, place: Place) -> Image | None:
    """A picture beside the content, None if it is none. Some are told by their address alone, or without a type."""
    value = image if isinstance(image, dict) else {"image_url": image}
    spelling = {"bare": value is not image, "no type": "type" not in value}
    block = part_block({"type": IMAGES[0], **value}, place, answer=True)
    if not isinstance(block, Image):
        return None
    extra = block.extra.fields if block.extra else {"rest": {}}
    lost = block.extra.lost if block.extra else ()
    return msgspec.structs.replace(block, extra=Extra(WIRE, {**extra, **spelling}, lost)) if True in spelling.values() else block


def image_of(block: Image) -> Any:
    """The picture, as it was."""
    made = image_part(block)
    if spelled(block.extra, "bare"):
        return block.source.value
    return {name: value for name, value in made.items() if name != "type"} if spelled(block.extra, "no type") else made


# To chat


def message_of(turn: Turn) -> Any:
    """The message, as it was."""
    blocks = turn.blocks
    if len(blocks) == 1 and isinstance(blocks[0], Opaque) and blocks[0].called == "message":
        return blocks[0].value["value"] if spelled(blocks[0].extra, "bare") else blocks[0].value
    said = {} if spelled(turn.extra, "no role") else {"role": turn.called or turn.role.value}
    if turn.name is not None:
        said["name"] = turn.name
    return said | assistant_fields(blocks, rest_of(turn.extra))


def assistant_fields(blocks: Sequence[Block], rest: Json) -> Json:
    """The fields of a message that blocks make, and the rest of it. What is empty and was left as it came stays so."""
    made = dict(rest)
    inside = [block for block in blocks if _is_content(block)]
    content = content_of(inside)
    if content is not None and (content or "content" not in made):
        made["content"] = content
    for block in blocks:
        if isinstance(block, Refusal) and block.called == "message":
            made["refusal"] = block.text
        elif isinstance(block, Reasoning) and block.called != THINKING:
            _add_thought(block, made, rest)
        elif isinstance(block, Audio) and block.called == "audio":
            made["audio"] = audio_of(block)
        elif isinstance(block, Image) and block.place[-2:-1] == ("images",):
            made.setdefault("images", []).append(image_of(block))
        elif isinstance(block, ToolCall) and block.called == "function_call":
            made["function_call"] = old_call_of(block)
        elif isinstance(block, ToolCall) or (isinstance(block, Opaque) and block.called == "tool_call"):
            made.setdefault("tool_calls", []).append(call_of(block))
    return made


def _is_content(block: Block) -> bool:
    if isinstance(block, Refusal):
        return block.called != "message"
    if isinstance(block, Reasoning):
        return block.called == THINKING
    if isinstance(block, Opaque):
        return block.called != "tool_call"
    if isinstance(block, Audio):
        return block.called != "audio"
    return not isinstance(block, ToolCall) and block.place[-2:-1] != ("images",)


def _add_thought(block: Reasoning, made: Json, rest: Json) -> None:
    name = block.called if block.called in THOUGHTS else THOUGHTS[0]
    if block.called != DETAILS and block.text:
        made[name] = (made.get(name) or "") + block.text if name not in rest else block.text
    if DETAILS not in rest:
        made.setdefault(DETAILS, []).extend(details_of(block))
        if not made[DETAILS]:
            del made[DETAILS]


def details_of(block: Reasoning) -> list[Json]:
    """What is signed or sealed, in the form in which OpenRouter has it."""
    made: list[Json] = []
    if block.signature is not None:
        made.append({"type": "reasoning.text", "text": block.text, "signature": carried(block.signature, WIRE)})
    if block.sealed is not None:
        made.append({"type": "reasoning.encrypted", "data": carried(block.sealed, WIRE)})
    return made


def audio_of(block: Audio) -> Json:
    said = {"id": block.id, "data": block.source.value if block.source else None, "transcript": block.transcript}
    return {name: value for name, value in said.items() if value is not None} | rest_of(block.extra)
