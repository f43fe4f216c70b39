"""How is an event of ConverseStream made again, of what it told and of what it has not?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.canonical.blocks import HostedCall, ToolCall
from providers.canonical.events import (
    ArgumentsDelta,
    Beside,
    BlockStarted,
    CitationDelta,
    Event,
    Finished,
    ReasoningDelta,
    SignatureDelta,
    TextDelta,
    UsageTold,
)
from providers.canonical.extra import Json
from providers.canonical.signature import carried
from providers.wire.bedrock_converse.codec.answers.stops import word_of
from providers.wire.bedrock_converse.codec.answers.usage import usage_json
from providers.wire.bedrock_converse.codec.citations import citation_json
from providers.wire.bedrock_converse.codec.words import WIRE


def own_frame(events: Sequence[Event], beside: Beside) -> Json:
    """The event, as it came, with what has been changed of it."""
    said = beside.extra.fields
    if "raw" in said:
        return {said["name"]: said["raw"]} if said["name"] else dict(said["raw"])
    made: Json = dict(said["rest"])
    for event in events:
        if isinstance(event, BlockStarted) and "call" in said:
            made["start"] = {"toolUse": {**_call(event.value), **said["call"]}}
        elif isinstance(event, Finished):
            made["stopReason"] = word_of(event.stop, own=True)
        elif isinstance(event, UsageTold):
            made["usage"] = usage_json(event.used)
        elif (delta := delta_of(event)) is not None:
            made["delta"] = delta
    return {said["name"]: made}


def _call(block: Any) -> Json:
    if not isinstance(block, ToolCall | HostedCall):
        return {}
    return {"name": block.name} | ({} if block.call_id is None else {"toolUseId": block.call_id})


def delta_of(event: Event) -> Json | None:
    """The delta that an event is, None if it is none."""
    if isinstance(event, TextDelta):
        return {"text": event.text}
    if isinstance(event, ArgumentsDelta):
        return {"toolUse": {"input": event.text}}
    if isinstance(event, ReasoningDelta):
        return {"reasoningContent": {"text": event.text}}
    if isinstance(event, SignatureDelta):
        name = "redactedContent" if event.sealed else "signature"
        return {"reasoningContent": {name: carried(event.signature, WIRE)}}
    return {"citation": citation_json(event.citation)} if isinstance(event, CitationDelta) else None
