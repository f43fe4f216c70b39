"""Which inputs is every codec judged by? All files of its wire in tests/data.

tests/data/codecs/<wire>/ has `rich.request.json`, `rich.answer.json` and `rich.stream.sse` (or `.ndjson`), with everything that
the wire can say and others may lose, `refused.requests.json`, requests that others may have to refuse, and any further
`<case>.<kind>.<suffix>`; tests/data/responses/ has pairs of OpenAI's wires.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.canonical.codec import Asked
from providers.canonical.events import Ended, Event
from providers.convert.codecs import codecs
from providers.errors import CallerError
from providers.types import Wire

Json = dict[str, Any]
DATA = Path(__file__).parents[1] / "data"
PAIRS = {Wire.OPENAI_CHAT: "chat", Wire.OPENAI_RESPONSES: "responses"}
"""How the wires of the pairs are called in the names of their files."""
KINDS = ("request", "answer", "stream")
PART = re.compile(r"\w+\[\d+\]\.\w+\[\d+\](?:\.\w+\[\d+\])?")
"""Where a part of a message stands: `messages[1].content[2]`."""


@dataclass(frozen=True)
class Golden:
    wire: Wire
    kind: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.wire}/{self.path.parent.name}/{self.path.name}"

    def value(self) -> Any:
        """The JSON, or the frames of a stream."""
        text = self.path.read_text()
        if self.path.suffix == ".json":
            read = json.loads(text)
            return read["body"] if self.kind == "request" and "lossy" in read else read
        if self.path.suffix == ".ndjson":
            return [json.loads(line) for line in text.splitlines()]
        said = (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))
        return [json.loads(one) for one in said if one != "[DONE]"]


def goldens(wire: Wire) -> Iterator[Golden]:
    for kind in KINDS:
        for path in sorted((DATA / "codecs" / wire).glob(f"*.{kind}.*")):
            yield Golden(wire, kind, path)
        for path in sorted((DATA / "responses").rglob(f"*.{kind}.{PAIRS.get(wire, '-')}.*")):
            yield Golden(wire, kind, path)


def rich(wire: Wire, kind: str) -> Any:
    """The input that says everything. Raises `FileNotFoundError` for a wire that has none."""
    path = next((DATA / "codecs" / wire).glob(f"rich.{kind}.*"), None)
    if path is None:
        raise FileNotFoundError(f"{wire}: rich.{kind}")
    return Golden(wire, kind, path).value()


def refused(wire: Wire) -> list[Json]:
    return list(json.loads((DATA / "codecs" / wire / "refused.requests.json").read_text()))


def asked_in(wire: Wire) -> Asked:
    """For whom answers are written in that wire: whoever has sent its rich request."""
    numbers = itertools.count()
    request = codecs()[wire].decode_request(rich(wire, "request"))
    return Asked(
        request=request, id="id_1", created=1, model="m", mint=lambda prefix: f"{prefix}_{next(numbers)}", clock=lambda: 2
    )


# What another wire makes of them


@dataclass(frozen=True)
class Made:
    """What came of an input, and the names of what was lost."""

    value: Any
    lossy: tuple[str, ...]


def request_in(source: Wire, target: Wire, body: Json) -> Made:
    """The request; without the parts for which the target refuses it: a picture by its address, where only base64 is known."""
    while True:
        try:
            made = codecs()[target].encode_request(codecs()[source].decode_request(body))
        except CallerError as error:
            body = _without(body, error)
        else:
            return Made(made.body, made.lossy)


def _without(body: Json, error: CallerError) -> Json:
    """The body without the part that was refused; raises the error if that is no part of a message."""
    if PART.fullmatch(error.param or "") is None or error.upstream_code != "invalid_value":
        raise error
    *way, last = (int(step) if step.isdigit() else step for step in re.split(r"[\[\].]+", str(error.param).rstrip("]")))
    made = copy.deepcopy(body)
    inner: Any = made
    for step in way:
        inner = inner[step]
    del inner[last]
    return made


def answer_in(source: Wire, target: Wire, body: Json) -> Made:
    made = codecs()[target].encode_answer(codecs()[source].decode_answer(body), asked_in(target))
    return Made(made.body, made.lossy)


def stream_in(source: Wire, target: Wire, frames: list[Json]) -> Made:
    """The frames; the last events must say that it has ended."""
    decoder, encoder = codecs()[source].stream_decoder(), codecs()[target].stream_encoder(asked_in(target))
    events: list[Event] = []
    made = [] if source is target else list(encoder.feed(()))
    for frame in frames:
        events = [*decoder.feed(frame)]
        made += encoder.feed(events)
    ended = any(isinstance(event, Ended) for event in events)
    last = decoder.end()
    assert ended or any(isinstance(event, Ended) for event in last), "the stream has no end"
    made += encoder.feed(last) if last else ()
    return Made(made, encoder.lossy)


MAKE: Mapping[str, Callable[[Wire, Wire, Any], Made]] = {"request": request_in, "answer": answer_in, "stream": stream_in}


def refusal_of(source: Wire, target: Wire, body: Json) -> str | None:
    """The parameter for which a request is refused; None if it is not."""
    try:
        codecs()[target].encode_request(codecs()[source].decode_request(body))
    except CallerError as error:
        return str(error.param)
    return None
