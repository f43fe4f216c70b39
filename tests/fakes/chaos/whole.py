"""Which answers to a call go wrong before or in a whole body? One function each; `behaviours.py` names them."""

from __future__ import annotations

import asyncio
import base64
import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.fakes.chaos import openai
from tests.fakes.chaos.exchange import Exchange
from tests.fakes.chaos.http import compact, head, message

HTML = b"<html><head><title>Bad gateway</title></head><body><h1>nginx says hello</h1></body></html>"
FOREVER = 3600.0
ODD_JSON = """{ "id":"chatcmpl-chaos",  "x_before":{"model":"not this one","nested":[{"model":"nor this"}]},
\t"model" : "%s", "object":"chat.completion","created":1700000000,
"choices":[{"index":0,"message":{"role":"assistant","content":"the \\"model\\": \\u00fc \\ud83d\\ude00 / \\/"},
"finish_reason":"stop","logprobs":null}],
"usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14},
"x_number":1.50,"x_big":123456789012345678901234567890,"x_exp":1E+2 }
"""


async def ok(x: Exchange) -> None:
    if x.stream:
        await x.stream_words(list(openai.WORDS))
    else:
        await x.reply(200, compact(openai.completion(x.model, "".join(openai.WORDS))))


async def ok_usage(x: Exchange, prompt: str, completion: str) -> None:
    counts = openai.usage(int(completion), int(prompt))
    if not x.stream:
        return await x.reply(200, compact(openai.completion(x.model, "".join(openai.WORDS), counts=counts)))
    await x.begin_stream()
    await x.part(b"".join(map(openai.frame, x.chunks(list(openai.WORDS), counts))) + openai.DONE)
    await x.end_stream()


async def ok_odd_json(x: Exchange) -> None:
    await x.reply(200, (ODD_JSON % x.model).encode())


async def ok_tools(x: Exchange) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"model": "in arguments"}'}}
    await x.reply(200, compact(openai.completion(x.model, None, tool_calls=[call])))


async def slow(x: Exchange, ms: str) -> None:
    await asyncio.sleep(int(ms) / 1000)
    await ok(x)


async def echo(x: Exchange) -> None:
    seen = {
        "line": f"{x.request.method} {x.request.target} HTTP/1.1",
        "headers": [list(pair) for pair in x.request.headers],
        "body_base64": base64.b64encode(x.request.body).decode(),
    }
    await x.answer(compact(seen).decode())


async def status(x: Exchange, code: str) -> None:
    await x.reply(int(code), openai.error_body(int(code)))


async def status_retry_after(x: Exchange, code: str, value: str) -> None:
    header = ("retry-after-ms", value.removeprefix("ms-")) if value.startswith("ms-") else ("retry-after", value)
    if value == "date":
        header = ("retry-after", format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True))
    await x.reply(int(code), openai.error_body(int(code)), [header])


async def status_quota(x: Exchange) -> None:
    await x.reply(429, compact(openai.QUOTA))


async def status_html(x: Exchange, code: str) -> None:
    await x.reply(int(code), HTML, content_type="text/html")


async def status_leak(x: Exchange, code: str) -> None:
    """The error repeats the credential that came, as some vendors do."""
    key = x.request.header("authorization").removeprefix("Bearer ")
    await x.reply(int(code), compact(openai.error(f"Incorrect API key provided: {key}.", "invalid_request_error", "bad_key")))


async def refuses(x: Exchange, code: str, ending: str) -> None:
    """One of several keys is refused."""
    if x.request.header("authorization").endswith(ending):
        await status(x, code)
    else:
        await ok(x)


async def error_list(x: Exchange) -> None:
    """Gemini's OpenAI endpoint answers with a list of errors."""
    await x.reply(400, compact([{"error": {"code": 400, "message": "Wrapped in a list.", "status": "INVALID_ARGUMENT"}}]))


async def redirect(x: Exchange) -> None:
    await x.reply(302, b"", [("location", f"http://127.0.0.1:{x.port}/v1/trap/chat/completions")])


async def reset_before_head(x: Exchange) -> None:
    x.reset()


async def close_before_head(x: Exchange) -> None:
    x.hang_up()


async def stale_reuse(x: Exchange) -> None:
    """Answers the first request of a connection and closes it, unanswered, at the next."""
    if x.connection.requests:
        x.hang_up()
    else:
        await ok(x)


async def hang(x: Exchange) -> None:
    await asyncio.sleep(FOREVER)


async def head_then_hang(x: Exchange) -> None:
    await x.send(head(200, [("content-type", "application/json"), ("content-length", "1000")]))
    await asyncio.sleep(FOREVER)


async def half_then_hang(x: Exchange) -> None:
    body = compact(openai.completion(x.model, "".join(openai.WORDS)))
    await x.send(message(200, body)[: -len(body) // 2])
    await asyncio.sleep(FOREVER)


async def html_200(x: Exchange) -> None:
    await x.reply(200, HTML, content_type="text/html")


async def truncated_json(x: Exchange) -> None:
    await x.reply(200, compact(openai.completion(x.model, "".join(openai.WORDS)))[:-40])


async def empty_body(x: Exchange) -> None:
    await x.reply(200, b"")


async def json_value(x: Exchange, kind: str) -> None:
    """JSON that is not a completion."""
    values = {"list": [1, 2], "string": "hello", "null": None, "object": {"unexpected": True}, "error": openai.OVERLOADED}
    await x.reply(200, compact(values[kind]))


async def gzipped(x: Exchange) -> None:
    body = gzip.compress(compact(openai.completion(x.model, "".join(openai.WORDS))))
    await x.reply(200, body, [("content-encoding", "gzip")])


async def header_flood(x: Exchange, count: str) -> None:
    flood = [(f"x-flood-{number}", "a") for number in range(int(count))]
    await x.reply(200, compact(openai.completion(x.model, "flooded")), flood)


async def header_huge(x: Exchange, kib: str) -> None:
    await x.reply(200, compact(openai.completion(x.model, "huge")), [("x-huge", "a" * 1024 * int(kib))])


async def head_endless(x: Exchange) -> None:
    await x.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await x.send(b"x-endless: " + b"a" * 1024 + b"\r\n")
        await asyncio.sleep(0)


async def informational_flood(x: Exchange) -> None:
    while True:
        await x.send(head(103, [("link", "</style.css>; rel=preload")]))
        await asyncio.sleep(0)


async def not_http(x: Exchange) -> None:
    await x.send(b"220 mail.example ESMTP ready\r\n")
    x.hang_up()


async def cl_te(x: Exchange) -> None:
    """Content-Length and Transfer-Encoding together: a smuggled answer for whoever believes the shorter one."""
    body = b"0\r\n\r\n" + message(200, compact(openai.completion(x.model, "SMUGGLED")))
    await x.send(
        head(200, [("content-type", "application/json"), ("transfer-encoding", "chunked"), ("content-length", str(len(body)))])
        + body
    )


async def two_bodies(x: Exchange) -> None:
    await x.send(
        message(200, compact(openai.completion(x.model, "first"))) + message(200, compact(openai.completion(x.model, "SMUGGLED")))
    )


async def length_short(x: Exchange) -> None:
    """More bytes than announced."""
    body = compact(openai.completion(x.model, "short"))
    await x.send(head(200, [("content-type", "application/json"), ("content-length", str(len(body)))]) + body + b"SMUGGLED")


async def length_long(x: Exchange) -> None:
    """Fewer bytes than announced, then FIN."""
    body = compact(openai.completion(x.model, "long"))
    await x.send(head(200, [("content-type", "application/json"), ("content-length", str(len(body) + 10))]) + body)
    x.hang_up()


async def huge_json(x: Exchange, mib: str) -> None:
    await x.reply(200, compact(openai.completion(x.model, "@")).replace(b"@", b"a" * 1024 * 1024 * int(mib)))
