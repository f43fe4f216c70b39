"""What is made of streams that are odd but good: cut characters, empty events, whole pictures, several choices?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import OpenAI

from tests.fakes.vendor import Said, Vendor, vendor
from tests.integration.test_either_form import CHAT, RESPONSES, TEXT, answering, ask
from tests.integration.test_responses import NATIVE
from tests.live import LiveGateway, error_in, events, words
from tests.stopwatch import Stopwatch

PICTURE = "data:image/png;base64," + "QUJD" * 400_000
HEAD = b'{"id":"c","object":"chat.completion.chunk","created":1,"model":"up","choices":[{"index":0,'
DONE = b"data: [DONE]\n\n"
FINISH = b'"delta":{},"finish_reason":"stop"}]}'


@pytest.fixture(scope="module")
def upstream(shared_gateway: LiveGateway) -> Iterator[Vendor]:
    with vendor({}) as upstream:
        base = f"{upstream.base}/v1"
        shared_gateway.define_at("openai", base, {"o/native": ("up", ["responses"])}, name="odd native")
        shared_gateway.define_at("openai_responses", base, {"o/reverse": ("up", ["chat"])}, name="odd responses only")
        only = {"o/chat": ("up", ["chat", "completion", "responses"])}
        shared_gateway.define_at("openai_compatible", base, only, name="odd chat")
        routes = [{"provider": "odd chat", "upstream_model": "up"}, {"upstream_model": "ok"}]
        shared_gateway.define_models({f"o/then ok {number}": routes for number in range(3)})
        yield upstream


@pytest.fixture
def client(gateway: LiveGateway) -> Iterator[OpenAI]:
    with OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


def content(text: bytes) -> bytes:
    """A chunk with that content, the inside of a JSON text."""
    return b"data: " + HEAD + b'"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % text


def finish(index: int = 0) -> bytes:
    return b"data: " + HEAD.replace(b'"index":0', b'"index":%d' % index) + FINISH + b"\n\n"


def streaming(upstream: Vendor, *frames: bytes, pause: float = 0.0) -> None:
    answering(upstream, Said(content_type="text/event-stream", chunks=frames, pause=pause))


def sdk_words(client: OpenAI, model: str = "o/chat") -> str:
    stream = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}], stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


# Characters in pieces

SPLIT = [
    pytest.param([rb"a\ud83d", rb"\ude00b"], id="pair"),
    pytest.param([rb"a\uD83D", b"", rb"\uDE00b"], id="pair with nothing between"),
    pytest.param([b"a\xf0\x9f", b"\x98\x80b"], id="bytes"),
    pytest.param([b"a\xf0", b"\x9f", b"\x98", b"\x80b"], id="every byte"),
]


@pytest.mark.parametrize("parts", SPLIT)
def test_character_when_it_is_in_two_chunks_is_relayed_as_it_came(
    gateway: LiveGateway, upstream: Vendor, parts: Sequence[bytes]
) -> None:
    frames = [*map(content, parts), finish(), DONE]
    streaming(upstream, *frames)
    expected = b"".join(frames).replace(b'"up"', b'"o/chat"')
    assert ask(gateway, model="o/chat", stream=True).content == expected


@pytest.mark.parametrize("parts", SPLIT)
@pytest.mark.parametrize("stream", [False, True])
def test_character_when_it_is_in_two_chunks_is_whole_in_a_converted_response(
    client: OpenAI, upstream: Vendor, parts: Sequence[bytes], stream: bool
) -> None:
    streaming(upstream, *map(content, parts), finish(), DONE)
    if not stream:
        assert client.responses.create(model="o/chat", input="hi").output_text == "a😀b"
        return
    with client.responses.stream(model="o/chat", input="hi") as events_:
        told = [event.delta for event in events_ if event.type == "response.output_text.delta"]
        assert ("".join(told), events_.get_final_response().output_text) == ("a😀b", "a😀b")


@pytest.mark.parametrize("half", [rb"\ud83d", rb"\ude00", b"\xf0\x9f"])
def test_half_a_character_when_the_other_never_comes_is_a_mark_in_a_converted_response(
    client: OpenAI, upstream: Vendor, half: bytes
) -> None:
    streaming(upstream, content(b"a" + half), content(b"b" + half), finish(), DONE)
    with client.responses.stream(model="o/chat", input="hi") as stream:
        assert stream.get_final_response().output_text == "a\ufffdb\ufffd"


def test_half_a_character_when_in_a_whole_answer_is_relayed(gateway: LiveGateway, upstream: Vendor) -> None:
    body = HEAD.replace(b".chunk", b"") + rb'"message":{"role":"assistant","content":"a\ud83db"},"finish_reason":"stop"}]}'
    answering(upstream, Said(body))
    assert ask(gateway, model="o/chat").content == body.replace(b'"up"', b'"o/chat"')
    answer = ask(gateway, RESPONSES, "o/chat").json()
    assert answer["output"][0]["content"][0]["text"] == "a\ufffdb"


def test_half_a_character_when_a_native_response_has_it_is_relayed_and_kept(gateway: LiveGateway, upstream: Vendor) -> None:
    body = json.dumps(NATIVE).replace("Hello.", r"a\ud83d").encode()
    answering(upstream, Said(body))
    assert ask(gateway, RESPONSES, "o/native").json()["output"][0]["content"][0]["text"] == "a\ufffd"
    place = '"item_id":"msg_1","output_index":0,"content_index":0,"logprobs":[]'
    deltas = [f'{{"type":"response.output_text.delta",{place},"delta":"{half}"}}'.encode() for half in (r"\ud83d", r"\ude00")]
    last = b'{"type":"response.completed","sequence_number":2,"response":%b}' % body
    frames = [b"event: x\ndata: %b\n\n" % data for data in (*deltas, last)]
    streaming(upstream, *frames)
    response = ask(gateway, RESPONSES, "o/native", stream=True)
    assert b"".join(frames[:2]) in response.content
    assert events(response)[-2]["response"]["output"][0]["content"][0]["text"] == "a\ufffd"
    assert words(ask(gateway, model="o/reverse", stream=True)) == "😀"


# Empty events


@pytest.mark.parametrize("empty", [b"data:\n\n", b"data: \n\n", b"event: ping\n\n", b"data:\n: hi\n\n", b"retry: 3000\n\n"])
def test_frame_when_it_has_no_data_is_left_out_so_that_the_sdk_goes_on(client: OpenAI, upstream: Vendor, empty: bytes) -> None:
    streaming(upstream, empty, content(b"a"), empty, content(b"b"), finish(), empty, DONE)
    assert sdk_words(client) == "ab"


@pytest.mark.parametrize(
    "end", [b"data:  [DONE]\n\n", b"data:\t[DONE] \n\n", b"data:[DONE]\n\n", b"event: end\ndata:  [DONE]\n\n"]
)
def test_end_when_it_has_more_space_is_written_as_clients_expect_it(client: OpenAI, upstream: Vendor, end: bytes) -> None:
    streaming(upstream, content(b"a"), finish(), end)
    assert sdk_words(client) == "a"


@pytest.mark.parametrize("lead", [b"\xef\xbb\xbf", b"\n\n\n", b": hi\n\n: there\n\n"])
def test_stream_when_it_begins_with_a_mark_blank_lines_or_comments_is_a_stream(
    gateway: LiveGateway, upstream: Vendor, lead: bytes
) -> None:
    streaming(upstream, *(lead[at : at + 1] for at in range(len(lead))), content(b"a"), finish(), DONE)
    assert words(ask(gateway, model="o/chat", stream=True)) == "a"


def test_answer_when_it_begins_with_a_byte_order_mark_is_read(gateway: LiveGateway, upstream: Vendor) -> None:
    whole = {"model": "up", "choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
    answering(upstream, Said(b"\xef\xbb\xbf" + json.dumps(whole).encode(), status=201))
    assert ask(gateway, model="o/chat").json() == {**whole, "model": "o/chat"}


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_number_when_it_is_none_falls_over(gateway: LiveGateway, upstream: Vendor, number: str) -> None:
    body = HEAD + b'"message":{"content":"a"},"logprobs":{"content":[{"logprob":%b}]},"finish_reason":"stop"}]}' % number.encode()
    answering(upstream, Said(body))
    response = ask(gateway, model="o/then ok 0")
    assert (response.json()["choices"][0]["message"]["content"], response.headers["x-gateway-attempts"]) == (
        "Hello from chaos.",
        "2",
    )


def test_stream_when_it_has_comments_alone_falls_over(gateway: LiveGateway, upstream: Vendor) -> None:
    streaming(upstream, b": PROCESSING\n\n", b": PROCESSING\n\n")
    assert words(ask(gateway, model="o/then ok 1", stream=True)) == "Hello from chaos."


# Several choices


@pytest.mark.parametrize(("path", "fields"), [(CHAT, {"n": 2}), (TEXT, {"n": 2}), (TEXT, {"prompt": ["a", "b"]})])
def test_stream_when_one_of_its_choices_has_no_end_is_truncated(
    gateway: LiveGateway, upstream: Vendor, path: str, fields: dict[str, Any]
) -> None:
    other = content(b"b").replace(b'"index":0', b'"index":1')
    frames = [content(b"a"), other, content(b"a"), other, finish()]
    if path == TEXT:
        frames = [frame.replace(b'"delta":{"content":"', b'"text":"').replace(b'"}', b'"') for frame in frames[:4]]
        frames += [finish().replace(b'"delta":{}', b'"text":""')]
    streaming(upstream, *frames)
    *_, error, done = events(ask(gateway, path, "o/chat", stream=True, **fields))
    assert (error_in(error)["code"], done) == ("upstream_stream_truncated", "[DONE]")
    last = frames[-1].replace(b'"index":0', b'"index":1')
    streaming(upstream, *frames, last)
    *_, end, done = events(ask(gateway, path, "o/chat", stream=True, **fields))
    assert (end["choices"][0]["finish_reason"], done) == ("stop", "[DONE]")


# Pictures


def with_picture(url: str) -> bytes:
    image = json.dumps([{"type": "image_url", "image_url": {"url": url}}]).encode()
    return b"data: " + HEAD + b'"delta":{"content":"","images":%b},"finish_reason":null}]}\n\n' % image


def test_picture_when_it_is_one_chunk_arrives_whole(client: OpenAI, upstream: Vendor) -> None:
    streaming(upstream, with_picture(PICTURE), content(b"a"), finish(), DONE)
    stream = client.chat.completions.create(model="o/chat", messages=[{"role": "user", "content": "hi"}], stream=True)
    first, *_ = [chunk.choices[0].delta.model_dump() for chunk in stream]
    assert first["images"] == [{"type": "image_url", "image_url": {"url": PICTURE}}]


def test_picture_when_it_is_as_large_as_an_answer_holds_up_nobody(gateway: LiveGateway, upstream: Vendor) -> None:
    url = "data:image/png;base64," + "QUJD" * (15 * 1024 * 1024)
    frame = with_picture(url)
    pieces = [frame[at : at + 2**20] for at in range(0, len(frame), 2**20)]
    streaming(upstream, *pieces, finish(), DONE)
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(ask, gateway, model="o/chat", stream=True)
        waits = []
        while not large.done():
            watch = Stopwatch(gateway)
            gateway.http.get("/livez")
            waits.append(watch.read())
    (first, *_) = events(large.result())
    assert first["choices"][0]["delta"]["images"][0]["image_url"]["url"] == url
    assert max(waits) < 1.0, max(waits)
