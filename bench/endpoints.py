"""What do other endpoints cost beside chat? Responses, native and made of chat, embeddings, speech and files, in the same run.

`python -m bench.run --endpoints` measures these and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench import suites, uploads
from bench.gateways import CHAT, TEXT, Installation, Target, body_file, catalog, model_block
from bench.suites import Bench, Figures

RESPONSES = "/v1/responses"
KEY = "BENCH_UPSTREAM_KEY"
PROVIDERS = """
[providers.responding]
type = "openai"
api_base = "http://127.0.0.1:{0}/v1"
api_key_location = "env::{1}"
[providers.chatting]
type = "lm_studio"
api_base = "http://127.0.0.1:{0}/v1"
"""
"""One that has responses, and one that only has chat."""
ROUTES = (("native", "responding", "responses"), ("made", "chatting", "responses"))
WORDS = {"instant": "instant", "stream": "chunks-20-every-5", "burst": "chunks-200"}
"""What a model does → the name at the mock upstream that says so."""


def response_file(folder: Path, model: str, *, stream: bool = False) -> Path:
    """The chat request of `body_file`, as a request for a response."""
    chat = json.loads(body_file(folder, model, stream=stream).read_text())
    path = folder / f"response-{model}-{stream}.json"
    request = {"model": model, "input": chat.pop("messages"), "max_output_tokens": chat.pop("max_tokens")}
    path.write_text(json.dumps({**chat, **request}, ensure_ascii=False))
    return path


def json_file(folder: Path, model: str, **fields: object) -> Path:
    """Any other request."""
    path = folder / f"{model}.json"
    path.write_text(json.dumps({"model": model, **fields}, ensure_ascii=False))
    return path


class Kind(NamedTuple):
    """A way to be asked: its path, its body for a model, and what the same stream is directly at the upstream."""

    name: str
    path: str
    body: Callable[[Path, str], Path]
    prefix: str = ""
    direct: str = ""


def _with(**fields: object) -> Callable[[Path, str], Path]:
    return lambda folder, model: json_file(folder, model, **fields)


def _streamed(make: Callable[..., Path]) -> Callable[[Path, str], Path]:
    return lambda folder, model: make(folder, model, stream=True)


WHOLE = (
    Kind("chat", CHAT, body_file),
    Kind("responses", RESPONSES, response_file, "native-"),
    Kind("responses by chat", RESPONSES, response_file, "made-"),
    Kind("embeddings", "/v1/embeddings", _with(input=TEXT * 7, encoding_format="base64"), "embed-"),
    Kind("speech", "/v1/audio/speech", _with(input=TEXT * 7, voice="alloy"), "speak-"),
)
STREAMED = (
    Kind("chat", CHAT, _streamed(body_file), "", CHAT),
    Kind("responses", RESPONSES, _streamed(response_file), "native-", RESPONSES),
    Kind("responses by chat", RESPONSES, _streamed(response_file), "made-", CHAT),
)


def installed(bench: Bench) -> Installation:
    """A gateway with the models of all kinds."""
    return Installation(bench.folder / "endpoints", "".join(_catalog(bench.upstream)), **{KEY: "sk-bench"})


def _catalog(port: int) -> Iterator[str]:
    yield catalog(port) + PROVIDERS.format(port, KEY)
    for prefix, provider, capability in ROUTES:
        for does, words in WORDS.items():
            yield _model(f"{prefix}-{does}", provider, words, capability)
    yield _model("embed-instant", "responding", "instant", "embedding")
    yield _model("speak-instant", "responding", "chunks-8", "text_to_speech")
    yield _model("hear-instant", "responding", "instant", "audio_transcription")


def _model(name: str, provider: str, words: str, capability: str) -> str:
    return model_block(name, [(provider, words)], f'endpoints = ["{capability}"]\n')


def measure(bench: Bench, target: Target) -> Figures:
    """All kinds once, in turn."""
    found: dict[str, float] = {}
    for kind in WHOLE:
        found |= {f"{kind.name}: {figure}": value for figure, value in whole(bench, target, kind).items()}
    for kind in STREAMED:
        streams = {**burst(bench, target, kind), **first_event(bench, target, kind)}
        found |= {f"{kind.name}: {figure}": value for figure, value in streams.items()}
    return {**found, **uploads.measure(bench, target, "hear-instant")}


def whole(bench: Bench, target: Target, kind: Kind) -> Figures:
    """Requests a second and processor time of each, 64 connections that always want the next answer."""
    arguments = target.arguments(kind.body(bench.folder, f"{kind.prefix}instant"), kind.path)
    report, used = suites.under_load(bench, target, 64, arguments)
    one = report["targets"][0]
    return {
        "requests/s": one["per_s"],
        "CPU µs/request": used * 1e6 / max(one["answered"], 1),
        "failed": suites.failures(report),
    }


def burst(bench: Bench, target: Target, kind: Kind) -> Figures:
    """Processor time of each event that the client gets, when streams of 200 arrive as fast as they are taken."""
    arguments = target.arguments(kind.body(bench.folder, f"{kind.prefix}burst"), kind.path)
    report, used = suites.under_load(bench, target, 16, arguments)
    one = report["targets"][0]
    return {"CPU µs/event": used * 1e6 / max(one["all_events"], 1), "failed bursts": suites.failures(report)}


def first_event(bench: Bench, target: Target, kind: Kind) -> Figures:
    """What is added until the first event, against the stream that the upstream gives for it."""
    make = _streamed(body_file if kind.direct == CHAT else response_file)
    directly = bench.direct.arguments(make(bench.folder, WORDS["stream"]), kind.direct)
    through = target.arguments(kind.body(bench.folder, f"{kind.prefix}stream"), kind.path)
    return suites.added_first(bench, [*directly, *through], "first event")
