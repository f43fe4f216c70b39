"""How is a model called by programs that people use? Texts to copy, for what the model can do.

The facts are those of `docs/clients.md`. Names are quoted for the shell, as JSON or as a text of TOML, whatever they hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from shlex import quote
from types import MappingProxyType
from typing import Any

from providers.capabilities import Capability

KEY = "sk-gw-KEY"
"""Stands for the key that nobody knows but who made it."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One text to copy; `id` is unique among those of a model."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The smallest request of a capability: its path, its JSON body but for the model, and the calls of OpenAI's libraries. Texts
    that are files are in `form`."""

    path: str
    body: Mapping[str, Any]
    python: str = ""
    node: str = ""
    form: bool = False


SOUND: Mapping[str, str] = MappingProxyType({"file": "@speech.mp3"})
MESSAGES = [{"role": "user", "content": "Hello"}]
ASKED: Mapping[Capability, Asked] = MappingProxyType(
    {
        Capability.CHAT: Asked(
            "/chat/completions",
            {"messages": MESSAGES},
            'answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])\n'
            "print(answer.choices[0].message.content)",
            "const messages = [{ role: 'user', content: 'Hello' }];\n"
            "const answer = await client.chat.completions.create({ model: MODEL, messages });\n"
            "console.log(answer.choices[0].message.content);",
        ),
        Capability.RESPONSES: Asked(
            "/responses",
            {"input": "Hello"},
            "print(client.responses.create(model=MODEL, input='Hello').output_text)",
            "console.log((await client.responses.create({ model: MODEL, input: 'Hello' })).output_text);",
        ),
        Capability.EMBEDDING: Asked(
            "/embeddings",
            {"input": "Hello"},
            "print(client.embeddings.create(model=MODEL, input='Hello').data[0].embedding)",
            "console.log((await client.embeddings.create({ model: MODEL, input: 'Hello' })).data[0].embedding);",
        ),
        Capability.IMAGE_GENERATION: Asked(
            "/images/generations",
            {"prompt": "A signal box at night"},
            "print(client.images.generate(model=MODEL, prompt='A signal box at night').data[0])",
            "console.log((await client.images.generate({ model: MODEL, prompt: 'A signal box at night' })).data[0]);",
        ),
        Capability.TEXT_TO_SPEECH: Asked(
            "/audio/speech",
            {"input": "Hello", "voice": "alloy"},
            "client.audio.speech.create(model=MODEL, input='Hello', voice='alloy').write_to_file('speech.mp3')",
            "const spoken = await client.audio.speech.create({ model: MODEL, input: 'Hello', voice: 'alloy' });\n"
            "console.log((await spoken.arrayBuffer()).byteLength);",
        ),
        Capability.AUDIO_TRANSCRIPTION: Asked(
            "/audio/transcriptions",
            SOUND,
            "print(client.audio.transcriptions.create(model=MODEL, file=open('speech.mp3', 'rb')).text)",
            "import fs from 'node:fs';\n"
            "const file = fs.createReadStream('speech.mp3');\n"
            "console.log((await client.audio.transcriptions.create({ model: MODEL, file })).text);",
            form=True,
        ),
        Capability.AUDIO_TRANSLATION: Asked("/audio/translations", SOUND, form=True),
        Capability.MODERATION: Asked(
            "/moderations",
            {"input": "Hello"},
            "print(client.moderations.create(model=MODEL, input='Hello').results[0])",
            "console.log((await client.moderations.create({ model: MODEL, input: 'Hello' })).results[0]);",
        ),
        Capability.COMPLETION: Asked(
            "/completions",
            {"prompt": "Hello"},
            "print(client.completions.create(model=MODEL, prompt='Hello').choices[0].text)",
            "console.log((await client.completions.create({ model: MODEL, prompt: 'Hello' })).choices[0].text);",
        ),
        Capability.RERANK: Asked("/rerank", {"query": "signal", "documents": ["a signal box", "a fish"]}),
    }
)
"""In the order in which they are shown; what is not here has no snippet."""


def snippets(name: str, capabilities: Collection[str], root: str, key: str = KEY) -> list[Snippet]:
    """What calls the model of that name at the gateway whose address, without a path, is `root`."""
    able = [capability for capability in ASKED if capability.value in capabilities]
    return [snippet for made in (_curl, _libraries, _programs) for snippet in made(name, able, root, key)]


def _curl(name: str, able: list[Capability], root: str, key: str) -> Iterator[Snippet]:
    for capability in able:
        asked = ASKED[capability]
        lines = [f"curl {quote(f'{root}/v1{asked.path}')}", f"-H {quote(f'Authorization: Bearer {key}')}"]
        if asked.form:
            lines += [f"-F {quote(f'{field}={value}')}" for field, value in {"model": name, **asked.body}.items()]
        else:
            body = json.dumps({"model": name, **asked.body}, ensure_ascii=False)
            lines += ["-H 'Content-Type: application/json'", f"-d {quote(body)}"]
        words = capability.value.replace("_", " ")
        yield Snippet(f"curl-{capability.value.replace('_', '-')}", f"curl, {words}", " \\\n  ".join(lines))


def _libraries(name: str, able: list[Capability], root: str, key: str) -> Iterator[Snippet]:
    """Of the first capability that the libraries have a method for."""
    asked = next((ASKED[capability] for capability in able if ASKED[capability].python), None)
    if asked is None:
        return
    base, secret, model = _text(f"{root}/v1"), _text(key), _text(name)
    head = f"from openai import OpenAI\n\nclient = OpenAI(base_url={base}, api_key={secret})\n"
    yield Snippet("python", "Python", head + asked.python.replace("MODEL", model))
    head = f'import OpenAI from "openai";\n\nconst client = new OpenAI({{ baseURL: {base}, apiKey: {secret} }});\n'
    yield Snippet("node", "Node", head + asked.node.replace("MODEL", model))


def _programs(name: str, able: list[Capability], root: str, key: str) -> Iterator[Snippet]:
    for capability, id_, title, text in PROGRAMS:
        if capability in able:
            yield Snippet(id_, title, text(name, root, key))


def _claude_code(name: str, root: str, key: str) -> str:
    variables = {
        "ANTHROPIC_BASE_URL": root,
        "ANTHROPIC_AUTH_TOKEN": key,
        "ANTHROPIC_MODEL": name,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": name,
    }
    return _exported(variables, "claude")


def _codex(name: str, root: str, key: str) -> str:
    return f"""# ~/.codex/config.toml
model = {_text(name)}
model_provider = "signalbox"

[model_providers.signalbox]
name = "Signalbox"
base_url = {_text(f"{root}/v1")}
env_key = "SIGNALBOX_API_KEY"
wire_api = "responses"
supports_websockets = true

# in the shell
# {_exported({"SIGNALBOX_API_KEY": key}, "codex").replace(chr(10), f"{chr(10)}# ")}"""


def _open_webui(name: str, root: str, key: str) -> str:
    return _exported({"OPENAI_API_BASE_URL": f"{root}/v1", "OPENAI_API_KEY": key}, "open-webui serve")


PROGRAMS: tuple[tuple[Capability, str, str, Callable[[str, str, str], str]], ...] = (
    (Capability.CHAT, "claude-code", "Claude Code", _claude_code),
    (Capability.RESPONSES, "codex", "Codex", _codex),
    (Capability.CHAT, "open-webui", "Open WebUI, which then offers every model of the key", _open_webui),
)


def _exported(variables: Mapping[str, str], program: str) -> str:
    return "\n".join([*(f"export {name}={quote(value)}" for name, value in variables.items()), program])


def _text(value: str) -> str:
    """A text as JSON, TOML, Python and JavaScript have it."""
    return json.dumps(value, ensure_ascii=False)
