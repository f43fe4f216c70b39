"""What does each vendor's side of the matrix have? Requests and answers of its clients, and of its upstreams."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.vendor import Said, Seen
from tests.matrix.situations import Ask, Tell

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a client sends."""

    path: str
    body: Json
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """A dialect. `whole` and `streamed` read an answer, `failed` the message of an error body, `broken` that of an error in a
    stream, None if there is none. `key_header` carries the key. `lacks` are fields of `Ask` that it has no word for, each with
    the reason; `silent` those of `Tell`."""

    name: str
    ask: Callable[[str, Ask], Asked]
    whole: Callable[[Json], Tell]
    streamed: Callable[[bytes], Tell]
    failed: Callable[[Json], str]
    broken: Callable[[bytes], str | None]
    key_header: Callable[[str], tuple[str, str]]
    lacks: Mapping[str, str]
    silent: Mapping[str, str]


@dataclass(frozen=True)
class Upstream:
    """A wire. `read` is what was asked; `whole` and `streamed` tell the answer; `midway` tells some of it and then an error;
    `failure` is an error of that status. `provider` makes the provider's row from the server's address. `lacks` and `silent` are
    as of `Client`: the former are named in `x-gateway-lossy`."""

    name: str
    provider: Callable[[str], Json]
    model: str
    read: Callable[[Seen], Ask]
    whole: Callable[[Tell], Said]
    streamed: Callable[[Tell], Said]
    failure: Callable[[int, str], Said]
    midway: Callable[[Tell, str], Said]
    lacks: Mapping[str, str]
    silent: Mapping[str, str]


def pieces(text: str) -> Iterator[str]:
    """The text as models tell it: a few characters at a time."""
    for start in range(0, len(text), 5):
        yield text[start : start + 5]


def sse(*values: Json, names: bool = False, done: bool = False) -> list[bytes]:
    """The frames of these events."""
    frames = [
        (f"event: {value['type']}\n" if names else "").encode() + b"data: " + json.dumps(value).encode() + b"\n\n"
        for value in values
    ]
    return [*frames, b"data: [DONE]\n\n"] if done else frames


def stream(frames: list[bytes], content_type: str = "text/event-stream") -> Said:
    return Said(content_type=content_type, chunks=frames)


def events(data: bytes) -> list[tuple[str, str]]:
    """The name and the data of each event, as a client by the specification reads them."""
    found = []
    for block in data.decode().replace("\r\n", "\n").split("\n\n"):
        lines = block.split("\n")
        name = "".join(line.removeprefix("event:").strip() for line in lines if line.startswith("event:"))
        told = [line.removeprefix("data:").removeprefix(" ") for line in lines if line.startswith("data:")]
        if told:
            found.append((name, "\n".join(told)))
    return found


def joined(parts: list[Json], kind: str) -> str:
    """The texts of the parts of that type."""
    return "".join(part["text"] for part in parts if part.get("type") == kind)
