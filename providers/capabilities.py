"""What can a model do? The spellings are stored in the catalog and in configuration files.

A capability says nothing of byte formats: `protocols.py` has the wires in which each is asked for.
"""

from __future__ import annotations

from enum import StrEnum


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
