"""Which of Together's voices speaks for each of OpenAI's? It depends on the model; any other name is Together's own.

References: Together's `/voices` of 2026 for Cartesia; the voices that Kokoro 82M and Orpheus 3B are published with.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SONIC = MappingProxyType(
    {
        "alloy": "helpful woman",
        "ash": "barbershop man",
        "ballad": "indian lady",
        "coral": "german conversational woman",
        "echo": "laidback woman",
        "fable": "meditation lady",
        "nova": "friendly sidekick",
        "onyx": "newsman",
        "sage": "pilot over intercom",
        "shimmer": "british reading lady",
        "verse": "australian customer support man",
    }
)
KOKORO = MappingProxyType(
    {
        "alloy": "af_alloy",
        "ash": "am_michael",
        "ballad": "bm_george",
        "coral": "af_heart",
        "echo": "am_echo",
        "fable": "bm_fable",
        "nova": "af_nova",
        "onyx": "am_onyx",
        "sage": "af_sarah",
        "shimmer": "af_bella",
        "verse": "am_puck",
    }
)
ORPHEUS = MappingProxyType(
    {
        "alloy": "tara",
        "ash": "dan",
        "ballad": "zac",
        "coral": "jess",
        "echo": "leo",
        "fable": "zac",
        "nova": "leah",
        "onyx": "dan",
        "sage": "zoe",
        "shimmer": "mia",
        "verse": "leo",
    }
)
BY_MODEL = (("cartesia/sonic", SONIC), ("hexgrad/kokoro", KOKORO), ("canopylabs/orpheus", ORPHEUS))
NONE: Mapping[str, str] = MappingProxyType({})


def voices_of(model: str) -> Mapping[str, str]:
    """The voices of a model by OpenAI's names; empty for models whose voices have names of their own alone."""
    return next((voices for start, voices in BY_MODEL if model.lower().startswith(start)), NONE)
