"""How is an OpenAI-compatible vendor called? Bytes are patched, never re-encoded; the preset says what differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from providers.openai_compatible.address import bare
from providers.openai_compatible.audio import AudioMethods
from providers.openai_compatible.images import ImageMethods
from providers.openai_compatible.listening import ListeningMethods
from providers.openai_compatible.presets import PRESETS, Preset, Quirk
from providers.openai_compatible.responses import ResponsesMethods
from providers.openai_compatible.text import TextMethods
from providers.protocols import METHODS, wires_of
from providers.registry import ProviderType, register
from providers.types import Adapter, TargetConfig


class OpenAICompatibleAdapter(TextMethods, AudioMethods, ListeningMethods, ImageMethods, ResponsesMethods):
    """One target of a vendor that speaks OpenAI's formats. It can do what its preset has a path for."""


def _builder(preset: Preset) -> Callable[[TargetConfig], Adapter]:
    return lambda config: OpenAICompatibleAdapter(config, preset)


def register_preset(preset: Preset, build: Callable[[TargetConfig], Adapter], adapter: type, **more: Any) -> None:
    """Makes a vendor known, with those wires that its adapter has methods for and its preset a path. `more` are
    further fields of its `ProviderType`."""
    register(
        ProviderType(
            name=preset.name,
            label=preset.label,
            build=build,
            wires=frozenset(wire for wire in wires_of(adapter) if METHODS[wire].capability in preset.paths),
            keeps_responses=Quirk.KEEPS_RESPONSES in preset.quirks,
            api_base=preset.api_base,
            key_variable=preset.key_variable,
            needs_key=preset.needs_key,
            options=tuple(preset.options),
            **{"read_address": lambda address: (bare(address), {}), **more},
        )
    )


for _preset in PRESETS:
    register_preset(_preset, _builder(_preset), OpenAICompatibleAdapter)
