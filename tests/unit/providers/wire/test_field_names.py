"""Is a name known in whatever spelling a parser could take for it, and is every field known that the gateway reads?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from openai_api.turns import OF_THE_SOCKET
from providers.mistral.adapter import PRESET as MISTRAL
from providers.openai_compatible.presets import PRESETS
from providers.together.adapter import PRESET as TOGETHER
from providers.wire import openai_embedding, openai_image, openai_speech
from providers.wire.openai.field_names import OPERATORS, OURS, PREFIX, misspelt, operators_fields
from providers.wire.openai_chat import request as openai_chat
from providers.wire.openai_chat import text as openai_text
from providers.wire.openai_responses import relay as openai_responses

READ = (
    openai_chat.ChatRequest,
    openai_chat.StreamOptions,
    openai_embedding.EmbeddingRequest,
    openai_image.PromptedRequest,
    openai_responses.ResponseRequest,
    openai_speech.SpeechRequest,
    openai_text.CompletionRequest,
    openai_text.ModerationRequest,
    openai_text.RerankRequest,
)


def names() -> Iterator[str]:
    for kind in READ:
        yield from (field.encode_name for field in msgspec.structs.fields(kind))
    yield from OF_THE_SOCKET
    for preset in (*PRESETS, TOGETHER, MISTRAL):
        for renamed in preset.renames.values():
            yield from (vendors_name for name, new in renamed.items() if new for vendors_name in (name, new))


def test_names_when_read_or_set_anywhere_are_known() -> None:
    assert {name for name in names() if not name.startswith(PREFIX)} - {"n"} <= OURS


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("Model", "model"),
        ("mODEL", "model"),
        ("\u017ftream", "stream"),  # Go folds it to an s
        ("toolS", "tools"),
        ("top_\u212a", "top_k"),  # the sign of a kelvin, which Go folds to a k
        ("\u0131nput", "input"),  # Java takes it for an I where it ignores case
        ("\u0130nput", "input"),
        ("\uff4d\uff4f\uff44\uff45\uff4c", "model"),
        (" model", "model"),
        ("provideroptions", "providerOptions"),
        ("TENSORZERO::credentials", "tensorzero::credentials"),
    ],
)
def test_name_when_another_but_for_its_spelling_is_told(name: str, spelt: str) -> None:
    assert misspelt(["messages", name]) == (name, spelt)


@pytest.mark.parametrize("name", ["model", "providerOptions", "modell", "mod-el", "N", "Extra", "tensorzero::x", "", "\u00e9"])
def test_name_when_it_means_nothing_else_passes(name: str) -> None:
    assert misspelt([name]) is None


def test_operators_fields_when_of_any_type_are_known() -> None:
    assert (
        {"models", "route", "provider", "preset", "plugins", "fallbacks"}
        <= operators_fields("openrouter")
        <= OPERATORS
        | {
            "tools[].model",
            "prompt",
        }
    )
    assert "data_sources" in operators_fields("azure_openai") - operators_fields("openai")
