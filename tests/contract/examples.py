"""What is the smallest good request of each capability, and of each wire? Tables for the tests of every endpoint and provider.

A new endpoint needs a line here, and `tests/contract/upstream.py` an answer to it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import compress, crc32

import httpx

from providers.bytes.multipart import Form, FormReader, file_part
from providers.bytes.patch import Fields, fields_of
from providers.capabilities import Capability
from providers.protocols import METHODS
from providers.types import Call, Wire

File = tuple[str, str, bytes, str]
"""The field's name, the file's name, its bytes and their type."""


def _png() -> bytes:
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", compress(b"\0\1\2\3")),
        (b"IEND", b""),
    )
    made = [struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data)) for kind, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


PNG = _png()
WAV = (
    b"RIFF"
    + struct.pack("<I", 44)
    + b"WAVEfmt "
    + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    + b"data\x08\0\0\0"
    + bytes(8)
)
SOUND: File = ("file", "é.wav", WAV, "audio/wav")
PICTURE: File = ("image", "a.png", PNG, "image/png")


@dataclass(frozen=True)
class Example:
    """One request: JSON, or a form if it has files; `model` is added. `streams` says that `stream` may be true, `json` that
    JSON is taken as well as a form."""

    capability: Capability
    wire: Wire
    path: str
    fields: Mapping[str, Any]
    files: tuple[File, ...] = ()
    streams: bool = False
    json: bool = False

    def encoded(self, model: str | None = "demo", **more: Any) -> tuple[bytes, bytes]:
        """The content type and the body, in a form with the files first."""
        fields = {**({} if model is None else {"model": model}), **self.fields, **more}
        return encoded(fields, self.files)

    def call(self, *, stream: bool = False, **more: Any) -> Call:
        """The call of it, with a field that nobody knows."""
        fields = {"unknown": "1", **({"stream": True} if stream else {})}
        content_type, body = self.encoded("public", **fields)
        form = form_of(content_type, body) if self.files else None
        return Call(
            capability=self.capability,
            wire=self.wire,
            model="public",
            body=b"" if form else body,
            fields=Fields(b"{}", {}) if form else fields_of(body),
            form=form,
            request_id="r1",
            stream=stream,
            headers=((b"x-request-id", b"r1"),),
            **more,
        )


def encoded(fields: Mapping[str, Any], files: tuple[File, ...] = ()) -> tuple[bytes, bytes]:
    """The content type and the body of a form with these files, or without any of JSON."""
    if not files:
        return b"application/json", json.dumps(fields).encode()
    parts: list[tuple[str, Any]] = [(name, (filename, data, kind)) for name, filename, data, kind in files]
    texts = [(name, (None, value if isinstance(value, str) else json.dumps(value))) for name, value in fields.items()]
    request = httpx.Request("POST", "http://test", files=parts + texts)
    return request.headers["content-type"].encode(), request.read()


def form_of(content_type: bytes, body: bytes) -> Form:
    """The parts of a form, which must be whole; in memory."""
    reader = FormReader(content_type, 2**30)
    reader.feed(body)
    form = reader.finish()
    parts = [
        part if part.filename is None else file_part(part.name, part.filename, part.content_type, part.data())
        for part in form.parts
    ]
    form.close()
    return Form(parts)


HI = [{"role": "user", "content": "é"}]
SPEECH = {"input": "é", "voice": "alloy"}
EXAMPLES = (
    Example(Capability.CHAT, Wire.OPENAI_CHAT, "/chat/completions", {"messages": HI}, streams=True),
    Example(Capability.COMPLETION, Wire.OPENAI_COMPLETION, "/completions", {"prompt": "é"}, streams=True),
    Example(Capability.EMBEDDING, Wire.OPENAI_EMBEDDING, "/embeddings", {"input": "é"}),
    Example(Capability.RERANK, Wire.RERANK, "/rerank", {"query": "é", "documents": ["é", "b"]}),
    Example(Capability.MODERATION, Wire.OPENAI_MODERATION, "/moderations", {"input": "é"}),
    Example(Capability.TEXT_TO_SPEECH, Wire.OPENAI_SPEECH, "/audio/speech", SPEECH),
    Example(Capability.AUDIO_TRANSCRIPTION, Wire.OPENAI_TRANSCRIPTION, "/audio/transcriptions", {}, (SOUND,)),
    Example(Capability.AUDIO_TRANSLATION, Wire.OPENAI_TRANSLATION, "/audio/translations", {}, (SOUND,)),
    Example(Capability.IMAGE_GENERATION, Wire.OPENAI_IMAGE, "/images/generations", {"prompt": "é"}),
    Example(Capability.IMAGE_EDIT, Wire.OPENAI_IMAGE_EDIT, "/images/edits", {"prompt": "é"}, (PICTURE,), json=True),
    Example(Capability.RESPONSES, Wire.OPENAI_RESPONSES, "/responses", {"input": "é"}),
    Example(Capability.IMAGE_VARIATION, Wire.OPENAI_IMAGE_VARIATION, "/images/variations", {}, (PICTURE,)),
)
TURNS = [{"role": "user", "content": [{"text": "é"}]}]
CONTENTS = [{"role": "user", "parts": [{"text": "é"}]}]
TALKS = (
    Example(Capability.CHAT, Wire.ANTHROPIC_MESSAGES, "/messages", {"messages": HI, "max_tokens": 5}, streams=True),
    Example(Capability.CHAT, Wire.BEDROCK_CONVERSE, "/model/demo/converse", {"messages": TURNS}, streams=True),
    Example(Capability.CHAT, Wire.GEMINI, "/models/demo:generateContent", {"contents": CONTENTS}, streams=True),
    Example(Capability.CHAT, Wire.OLLAMA, "/api/chat", {"messages": HI}, streams=True),
)
"""Conversations in the wires of other vendors than OpenAI: each is a way to ask for a capability that stands above, too."""
OLLAMAS = (
    Example(Capability.CHAT, Wire.OLLAMA, "/api/generate", {"prompt": "é"}, streams=True),
    Example(Capability.EMBEDDING, Wire.OPENAI_EMBEDDING, "/api/embed", {"input": "é"}),
    Example(Capability.EMBEDDING, Wire.OPENAI_EMBEDDING, "/api/embeddings", {"prompt": "é"}),
    Example(Capability.CHAT, Wire.OLLAMA, "/api/show", {}),
)
"""What else Ollama's clients post."""
CAPABLE = tuple(dict.fromkeys(methods.capability for methods in METHODS.values()))
"""All that an adapter can have methods for."""
BY_CAPABILITY = {example.capability: example for example in EXAMPLES}
BY_WIRE = {example.wire: example for example in (*EXAMPLES, *TALKS)}
BY_PATH = {example.path: example for example in (*EXAMPLES, *TALKS, *OLLAMAS)}
BY_PATH |= {f"/responses/{action}": BY_CAPABILITY[Capability.RESPONSES] for action in ("input_tokens", "compact")}
BY_PATH["/messages/count_tokens"] = BY_WIRE[Wire.ANTHROPIC_MESSAGES]
CONTENT = {"content": CONTENTS[0]}
VERBS = {
    **{verb: {"contents": CONTENTS} for verb in ("generateContent", "streamGenerateContent", "countTokens")},
    "embedContent": CONTENT,
    "batchEmbedContents": {"requests": [CONTENT]},
}
"""Requests of Gemini's paths, by what stands behind the colon."""


def verb_body(path: str) -> bytes:
    """The body of a request to a path that ends in a verb, b"" for any other."""
    verb = path.rpartition(":")[2]
    return json.dumps(VERBS[verb]).encode() if verb in VERBS else b""


def example_of(path: str) -> Example:
    """The request of a public path, with or without `/v1`."""
    example = BY_PATH.get(path.removeprefix("/v1"))
    assert example is not None, f"add a request for {path} to tests/contract/examples.py"
    return example
