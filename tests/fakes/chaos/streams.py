"""Which streams go wrong, and how? One function each; `behaviours.py` names them. N counts events, the role's first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import pairwise

from tests.fakes.chaos import openai
from tests.fakes.chaos.exchange import EVENT_STREAM, Exchange
from tests.fakes.chaos.http import compact, head
from tests.fakes.chaos.whole import FOREVER

PING = b": ping\n\n"
PING_EVERY = 0.02
BETWEEN_WRITES = 0.001
MIXED_SCRIPTS = ["日本語", "grüße", "👩‍👩‍👧", "é", "한국어", "🇩🇪"]
PARTS_OF_A_CALL = ('{"city"', ': "K\u00f6', 'ln"}')


async def _started(x: Exchange, events: str) -> None:
    """The head and the first events of a stream that would have been long."""
    await x.begin_stream()
    for data in [
        openai.role_chunk(x.model),
        *(openai.delta(x.model, {"content": word}) for word in openai.numbered(int(events))),
    ][: int(events)]:
        await x.event(data)


async def _finished(x: Exchange) -> None:
    await x.event(openai.delta(x.model, {}, "stop"))
    await x.part(openai.DONE)
    await x.end_stream()


async def ok(x: Exchange, words: str) -> None:
    await x.begin_stream()
    for data in x.chunks(openai.numbered(int(words))):
        await x.event(data)
    await x.part(openai.DONE)
    await asyncio.sleep(BETWEEN_WRITES)
    await x.end_stream()


async def paced(x: Exchange, ms: str, words: str) -> None:
    await x.begin_stream()
    for data in x.chunks(openai.numbered(int(words))):
        await x.event(data)
        await asyncio.sleep(int(ms) / 1000)
    await x.part(openai.DONE)
    await x.end_stream()


async def burst(x: Exchange, words: str) -> None:
    await x.stream_words(openai.numbered(int(words)))


async def cut(x: Exchange, events: str) -> None:
    await _started(x, events)
    x.hang_up()


async def end(x: Exchange, events: str) -> None:
    await _started(x, events)
    await x.end_stream()


async def reset(x: Exchange, events: str) -> None:
    await _started(x, events)
    await asyncio.sleep(PING_EVERY)
    x.reset()


async def stall(x: Exchange, events: str) -> None:
    await _started(x, events)
    await asyncio.sleep(FOREVER)


async def pings_after(x: Exchange, events: str) -> None:
    await _started(x, events)
    while True:
        await x.part(PING)
        await asyncio.sleep(PING_EVERY)


async def pings_only(x: Exchange) -> None:
    await pings_after(x, "0")


async def pings_then_ok(x: Exchange, count: str) -> None:
    await x.begin_stream()
    for _ in range(int(count)):
        await x.part(PING)
        await asyncio.sleep(PING_EVERY)
    for data in x.chunks(list(openai.WORDS)):
        await x.event(data)
    await x.part(openai.DONE)
    await x.end_stream()


async def error_first(x: Exchange) -> None:
    await x.begin_stream()
    await x.event(openai.OVERLOADED)
    await x.end_stream()


async def error_first_status(x: Exchange, code: str) -> None:
    """A first event with the error object that this status would have."""
    await x.begin_stream()
    await x.part(b"data: " + openai.error_body(int(code)) + b"\n\n")
    await x.end_stream()


async def error_after(x: Exchange, events: str) -> None:
    await _started(x, events)
    await asyncio.sleep(PING_EVERY)
    await x.event(openai.error("The engine broke.", "server_error", "engine_broke"))
    await x.end_stream()


async def empty(x: Exchange) -> None:
    await x.begin_stream()
    await x.end_stream()


async def done_only(x: Exchange) -> None:
    await x.begin_stream()
    await x.part(openai.DONE)
    await x.end_stream()


async def no_done(x: Exchange) -> None:
    await x.begin_stream()
    for data in x.chunks(list(openai.WORDS)):
        await x.event(data)
    await x.end_stream()


async def bad_json_after(x: Exchange, events: str) -> None:
    await _started(x, events)
    await x.part(b'data: {"id": "chatcmpl-chaos", "choices": [{"delta"\n\n')
    await _finished(x)


async def ignored(x: Exchange) -> None:
    """A whole body although a stream was asked for."""
    await x.reply(200, compact(openai.completion(x.model, "".join(openai.WORDS))))


async def until_close(x: Exchange) -> None:
    """A healthy stream without a length or chunks: the FIN ends it."""
    await x.send(head(200, [("content-type", "text/event-stream"), ("connection", "close")]))
    for data in x.chunks(list(openai.WORDS)):
        await x.send(openai.frame(data))
    await x.send(openai.DONE)
    x.hang_up()


FRAMINGS = {
    "crlf": lambda json: b"data: " + json + b"\r\n\r\n",
    "cr": lambda json: b"data: " + json + b"\r\r",
    "nospace": lambda json: b"data:" + json + b"\n\n",
    "named": lambda json: b"event: message\nid: 7\nretry: 10\ndata: " + json + b"\n\n",
    "commented": lambda json: b": keep-alive\n\ndata: " + json + b"\n\n",
    "multiline": lambda json: b"data: " + json.replace(b',"choices"', b',\ndata: "choices"') + b"\n\n",
}


async def framed(x: Exchange, framing: str) -> None:
    """The same events in another, equally legal framing."""
    await x.begin_stream()
    for json in [*map(compact, x.chunks([*openai.WORDS])), b"[DONE]"]:
        await x.part(FRAMINGS[framing](json))
    await x.end_stream()


async def bom(x: Exchange) -> None:
    await x.begin_stream()
    await x.part(b"\xef\xbb\xbf" + b"".join(map(openai.frame, x.chunks(list(openai.WORDS)))) + openai.DONE)
    await x.end_stream()


async def no_last_blank(x: Exchange) -> None:
    await x.begin_stream()
    await x.part(b"".join(map(openai.frame, x.chunks(list(openai.WORDS)))) + openai.DONE.rstrip(b"\n"))
    await x.end_stream()


async def _in_pieces(x: Exchange, pieces: Iterable[bytes]) -> None:
    await x.begin_stream()
    for number, piece in enumerate(pieces):
        await x.part(piece)
        await asyncio.sleep(BETWEEN_WRITES if number % 8 == 0 else 0)
    await x.end_stream()


async def bytes_1(x: Exchange) -> None:
    data = b"".join(map(openai.frame, x.chunks(["one"]))) + openai.DONE
    await _in_pieces(x, (data[at : at + 1] for at in range(len(data))))


async def crlf_split(x: Exchange) -> None:
    """Every cut falls between a CR and its LF."""
    data = b"".join(FRAMINGS["crlf"](json) for json in [*map(compact, x.chunks([*openai.WORDS])), b"[DONE]"])
    await _in_pieces(
        x, [part + b"\r" if at == 0 else b"\n" + part + b"\r" for at, part in enumerate(data.split(b"\r\n")[:-1])] + [b"\n"]
    )


async def utf8_split(x: Exchange) -> None:
    """Every character outside ASCII is cut in the middle."""
    data = b"".join(map(openai.frame, x.chunks(MIXED_SCRIPTS))) + openai.DONE
    cuts = [0, *(at for at in range(1, len(data)) if data[at] & 0xC0 == 0x80), len(data)]
    await _in_pieces(x, (data[start:stop] for start, stop in pairwise(cuts)))


async def utf8_invalid(x: Exchange) -> None:
    await x.begin_stream()
    await x.event(openai.role_chunk(x.model))
    await x.part(openai.frame(openai.delta(x.model, {"content": "@"})).replace(b"@", b"\xff\xfe"))
    await _finished(x)


async def huge_event(x: Exchange, mib: str) -> None:
    await x.begin_stream()
    await x.event(openai.role_chunk(x.model))
    await x.event(openai.delta(x.model, {"content": "a" * 1024 * 1024 * int(mib)}))
    await _finished(x)


async def endless_line(x: Exchange) -> None:
    await _started(x, "1")
    await x.part(b'data: {"choices": "')
    while True:
        await x.part(b"a" * 16 * 1024)


async def flood(x: Exchange) -> None:
    """Events for ever, as fast as they are read."""
    await x.begin_stream()
    await x.event(openai.role_chunk(x.model))
    frame = openai.frame(openai.delta(x.model, {"content": "a" * 4096}))
    while True:
        await x.part(frame)
        await asyncio.sleep(0)


async def done_then_more(x: Exchange) -> None:
    await x.begin_stream()
    for data in x.chunks(list(openai.WORDS)):
        await x.event(data)
    await x.part(openai.DONE)
    await x.event(openai.delta(x.model, {"content": "TOO LATE"}))
    await x.end_stream()


async def done_never_closes(x: Exchange) -> None:
    await x.begin_stream()
    for data in x.chunks(list(openai.WORDS)):
        await x.event(data)
    await x.part(openai.DONE)
    await asyncio.sleep(FOREVER)


async def usage_null(x: Exchange) -> None:
    """`usage` is null in every chunk but the last, as OpenAI sends it when usage was asked for."""
    await x.begin_stream()
    for data in openai.chunks(x.model, openai.WORDS, usage=None):
        await x.event(data)
    await x.event(openai.usage_chunk(x.model, len(openai.WORDS)))
    await x.part(openai.DONE)
    await x.end_stream()


async def usage_on_finish(x: Exchange) -> None:
    """The chunk that ends the choice carries the usage; there is no chunk for it alone."""
    await x.begin_stream()
    for word in openai.WORDS:
        await x.event(openai.delta(x.model, {"content": word}))
    await x.event(openai.delta(x.model, {}, "stop", usage=openai.usage(len(openai.WORDS))))
    await x.part(openai.DONE)
    await x.end_stream()


async def no_usage(x: Exchange) -> None:
    await x.begin_stream()
    for data in openai.chunks(x.model, openai.WORDS):
        await x.event(data)
    await x.part(openai.DONE)
    await x.end_stream()


async def tool_calls(x: Exchange) -> None:
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
    await x.begin_stream()
    await x.event(openai.delta(x.model, {"role": "assistant", "content": None, "tool_calls": [first]}))
    for part in PARTS_OF_A_CALL:
        await x.event(openai.delta(x.model, {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}))
    await x.event(openai.delta(x.model, {}, "tool_calls"))
    if x.wants_usage:
        await x.event(openai.usage_chunk(x.model, 3))
    await x.part(openai.DONE)
    await x.end_stream()


async def reasoning(x: Exchange) -> None:
    """The first content is reasoning, in a vendor's field."""
    await x.begin_stream()
    await x.event(openai.delta(x.model, {"role": "assistant", "reasoning_content": "Hm."}))
    await x.event(openai.delta(x.model, {"content": "42"}))
    await _finished(x)


async def length_delimited(x: Exchange) -> None:
    """A stream with a Content-Length."""
    data = b"".join(map(openai.frame, x.chunks(list(openai.WORDS)))) + openai.DONE
    headers = [pair for pair in EVENT_STREAM if pair[0] != "transfer-encoding"]
    await x.send(head(200, [*headers, ("content-length", str(len(data)))]) + data)
