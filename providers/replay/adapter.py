"""How is a recording asked? By the methods of every wire, which all look for a request that equals the one at hand."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from providers.errors import ConfigurationError
from providers.protocols import wires_of
from providers.recordings.lines import NO_BODY, Damaged, Line
from providers.registry import ProviderType, register
from providers.replay import folder
from providers.replay.answers import RecordedStream, given
from providers.replay.index import Asked, Index, NotRecorded
from providers.replay.matching import MODEL, value_of
from providers.transport import Transport
from providers.types import Call, Reply, TargetConfig

CHOICES = {"timing": ("none", "recorded"), "match": ("request", "wire"), "exhausted": ("last", "miss")}
"""The options beside `path`, the default of each first."""


class ReplayAdapter:
    """The recordings below one path."""

    returns_reasoning = False

    def __init__(self, config: TargetConfig) -> None:
        self.config = config
        options = {name: _chosen(config.options, name) for name in CHOICES}
        self._timed = options["timing"] == "recorded"
        path = folder.checked(config.options.get("path"))
        self._index = Index(path, bodies=options["match"] == "request", again=options["exhausted"] == "last")

    async def chat(self, call: Call, transport: Transport) -> Reply | RecordedStream:
        line, data = await asyncio.to_thread(self._found, call)
        return await given(line, data, call, timed=self._timed)

    stream_chat = complete = embed = moderate = rerank = speak = transcribe = translate = chat
    generate_image = edit_image = vary_image = respond = create_message = generate_content = ollama_chat = chat

    def _found(self, call: Call) -> tuple[Line, bytes]:
        models = tuple(dict.fromkeys((call.model, self.config.upstream_model)))
        line = self._index.answer(Asked(call.wire, models, call.stream, _value(call)))
        try:
            return line, (line.body or NO_BODY).data()
        except Damaged as error:
            raise NotRecorded("The recorded answer cannot be read.") from error


def _value(call: Call) -> Any:
    """What the call says; of a form its texts, as in a recording."""
    if call.form is None:
        return value_of(call.body)
    texts = {part.plain_name: part.data().decode("utf-8", "replace") for part in call.form.parts if part.filename is None}
    return value_of(msgspec.json.encode({name: text for name, text in texts.items() if name != MODEL}))


def _chosen(options: Any, name: str) -> str:
    """An option that has one of a few values. Raises `ConfigurationError`."""
    choices = CHOICES[name]
    value = options.get(name) or choices[0]
    if value not in choices:
        raise ConfigurationError(folder.OPTION, f"{name!r} is {' or '.join(map(repr, choices))}")
    return str(value)


register(
    ProviderType(
        name="replay",
        label="Replay of recordings",
        build=ReplayAdapter,
        wires=wires_of(ReplayAdapter),
        needs_key=False,
        offline=True,
        options=("path", *CHOICES),
        required_options=("path",),
    )
)
