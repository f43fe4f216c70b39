"""What can a model do, and which methods must an adapter have for it?

One enum member and one small protocol each. An adapter's capabilities are derived from the methods that it has
(`capabilities_of`), never flagged. The spellings are stored in the catalog and in configuration files.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class Capability(StrEnum):
    CHAT = "chat"
    COMPLETION = "completion"
    EMBEDDING = "embedding"
    RERANK = "rerank"
    MODERATION = "moderation"
    AUDIO_TRANSCRIPTION = "audio_transcription"
    AUDIO_TRANSLATION = "audio_translation"
    TEXT_TO_SPEECH = "text_to_speech"
    IMAGE_GENERATION = "image_generation"
    IMAGE_EDIT = "image_edit"
    IMAGE_VARIATION = "image_variation"
    RESPONSES = "responses"
    REALTIME = "realtime"
    BATCH = "batch"


METHODS = MappingProxyType(
    {
        Capability.CHAT: ("chat", "stream_chat"),
        Capability.COMPLETION: ("complete",),
        Capability.EMBEDDING: ("embed",),
        Capability.RERANK: ("rerank",),
        Capability.MODERATION: ("moderate",),
        Capability.AUDIO_TRANSCRIPTION: ("transcribe",),
        Capability.AUDIO_TRANSLATION: ("translate",),
        Capability.TEXT_TO_SPEECH: ("speak",),
        Capability.IMAGE_GENERATION: ("generate_image",),
        Capability.IMAGE_EDIT: ("edit_image",),
        Capability.IMAGE_VARIATION: ("vary_image",),
        Capability.RESPONSES: ("respond",),
    }
)
"""The methods that make an adapter capable; `providers/protocols.py` has their signatures."""


CONVERTED = MappingProxyType({Capability.RESPONSES: Capability.CHAT, Capability.CHAT: Capability.RESPONSES})
"""Capability → the one that it can be made of."""


def served(native: frozenset[Capability]) -> frozenset[Capability]:
    """What a provider with these capabilities serves, conversions included."""
    return native | {made for made, of in CONVERTED.items() if of in native}


def capabilities_of(adapter: type) -> frozenset[Capability]:
    """The capabilities whose methods the adapter class has."""
    return frozenset(cap for cap, names in METHODS.items() if all(hasattr(adapter, name) for name in names))
