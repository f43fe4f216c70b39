"""Do the conversions between chat and Responses still give what was once judged to be right?

Files: tests/data/responses/<upstream>/<case>.<what>.<format>, in pairs: of a request, an answer or a stream the side
that is given and the side that is made of it. Every pair that lies there is tested, and one without its other half fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openresponses_types.types as spec
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.unit.providers.convert.composed import ChatWriter, ResponseWriter, to_chat, to_completion, to_response, to_responses

Json = dict[str, Any]
ROOT = Path(__file__).parents[3] / "data" / "responses"
CASES = {"plain_text", "tools_loop", "custom_tool", "image", "reasoning", "structured_output", "incomplete", "refusal"}


def read(path: Path) -> Any:
    """The JSON of a file, or the list of a stream's events without its end."""
    if path.suffix == ".json":
        return json.loads(path.read_text())
    said = [line.removeprefix("data: ") for line in path.read_text().splitlines() if line.startswith("data: ")]
    assert said.pop() == "[DONE]"
    return [json.loads(one) for one in said]


def request_to_responses(path: Path) -> Json:
    converted = to_responses(read(path))
    return {"body": converted.body, "lossy": list(converted.lossy)}


def request_to_chat(path: Path) -> Json:
    converted = to_chat(read(path))
    return {"body": converted.body, "lossy": list(converted.lossy)}


def answer_to_chat(path: Path) -> Json:
    return to_completion(read(path), "chatcmpl-1", 1, "m")


def stream_to_chat(path: Path) -> list[Json]:
    writer = ChatWriter("chatcmpl-1", 1, "m", include_usage=True)
    return [chunk for event in read(path) for chunk in writer.event(event)]


def request_of(path: Path) -> Json:
    """The request of the same case."""
    request: Json = read(path.with_name(f"{path.name.partition('.')[0]}.request.responses.json"))
    return request


def answer_to_responses(path: Path) -> Json:
    return to_response(request_of(path), read(path)).body


def stream_to_responses(path: Path) -> list[Json]:
    writer = ResponseWriter(request_of(path))
    events = writer.begin()
    for chunk in read(path):
        events += writer.chunk(chunk)
    return events + writer.end()


@dataclass(frozen=True)
class Way:
    """A conversion: where its files are, how the two sides are called, and what a made one must be."""

    upstream: str
    source: str
    target: str
    convert: Callable[[Path], Any]
    valid: Callable[[Any], Any]

    def given(self) -> list[Path]:
        return sorted((ROOT / self.upstream).glob(f"*.{self.source}"))

    def other(self, given: Path) -> Path:
        return given.with_name(given.name.removesuffix(self.source) + self.target)


EVENTS = {
    next(iter(kind.model_fields["type"].annotation)).value: kind
    for name, kind in vars(spec).items()
    if name.endswith("StreamingEvent")
}
EXTENSIONS = ('"custom', '"namespace"', '"web_search"', '"input_audio"', "custom_tool_call")
"""OpenAI's words, which the specification does not know."""
MISREAD = '"json_schema"'
"""What the generated types of the specification take for null in a response."""


def is_extended(made: Any, *more: str) -> bool:
    return any(word in json.dumps(made) for word in (*EXTENSIONS, *more))


def valid_request(made: Json) -> None:
    if not is_extended(made):
        spec.CreateResponseBody.model_validate(made["body"])


def valid_response(made: Json) -> None:
    assert made.keys() >= {name for name, kind in spec.ResponseResource.model_fields.items() if kind.is_required()}
    if not is_extended(made, MISREAD):
        spec.ResponseResource.model_validate(made)


def valid_events(made: list[Json]) -> None:
    for number, event in enumerate(made):
        assert event["sequence_number"] == number
        if not is_extended(event, MISREAD):
            EVENTS[event["type"]].model_validate(event)


def valid_chunks(made: list[Json]) -> None:
    for chunk in made:
        if '"custom"' not in json.dumps(chunk):
            ChatCompletionChunk.model_validate(chunk, strict=True)


def any_request(made: Json) -> None:
    assert made["body"]["messages"]


def valid_completion(made: Json) -> None:
    ChatCompletion.model_validate(made, strict=True)


WAYS = (
    Way("responses_upstream", "request.chat.json", "request.responses.json", request_to_responses, valid_request),
    Way("responses_upstream", "answer.responses.json", "answer.chat.json", answer_to_chat, valid_completion),
    Way("responses_upstream", "stream.responses.sse", "stream.chat.sse", stream_to_chat, valid_chunks),
    Way("chat_upstream", "request.responses.json", "request.chat.json", request_to_chat, any_request),
    Way("chat_upstream", "answer.chat.json", "answer.responses.json", answer_to_responses, valid_response),
    Way("chat_upstream", "stream.chat.sse", "stream.responses.sse", stream_to_responses, valid_events),
)
PAIRS = [pytest.param(way, given, id=f"{way.upstream}/{given.name}") for way in WAYS for given in way.given()]


@pytest.mark.parametrize(("way", "given"), PAIRS)
def test_pair_when_converted_then_as_it_was_judged(way: Way, given: Path) -> None:
    made = way.convert(given)
    assert made == read(way.other(given))
    way.valid(made)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.upstream}/{way.source}")
def test_pairs_when_listed_then_every_case_is_there_with_both_sides(way: Way) -> None:
    cases = {path.name.partition(".")[0] for path in way.given()}
    assert cases >= CASES | ({"namespace"} if way.upstream == "chat_upstream" else set())
    assert {path.name.partition(".")[0] for path in (ROOT / way.upstream).glob(f"*.{way.target}")} == cases
