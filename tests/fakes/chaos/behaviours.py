"""What does the upstream do for each model name? The first pattern that fits wins; an unknown name is answered with 404.

Answers that suit the request (whole, or streamed when `stream` is true):

    ok                       "Hello from chaos." with usage 11 + 3
    ok-usage-P-C             the same with P prompt and C completion tokens
    slow-MSms                `ok` after MS milliseconds
    echo                     the content is JSON: `line`, `headers`, `body_base64` of the request
    stale-reuse              `ok` on a new connection; a used one is closed without an answer

Whole answers:

    ok-odd-json              blanks, escapes, big numbers and other members called "model" around the one that counts
    ok-tools                 a tool call, finish_reason tool_calls
    json-list, json-string, json-null, json-object, json-error    200 with JSON that is no completion
    html-200, truncated-json, empty-body, gzip, huge-json-MIB
    status-CODE              an OpenAI error object with its param and code
    status-CODE-retry-after-VALUE    VALUE is written as it is; "date" is an HTTP date 5 s from now; "ms-1500" is retry-after-ms
    status-429-quota         code insufficient_quota
    status-CODE-html         an nginx error page
    status-CODE-leak         the message repeats the credential that came
    refuses-CODE-ENDING      CODE for a key that ends so, else `ok`
    error-list               400 with a list of errors
    redirect                 302 to a path of this server

Broken before the body:

    reset-before-head, close-before-head, hang, head-then-hang, half-then-hang, not-http
    header-flood-N, header-huge-KIB, head-endless, informational-flood
    cl-te, two-bodies, length-short (more bytes than announced), length-long (fewer, then FIN)

Streams, whatever the request asks; N counts events, of which the role is the first, or words where it says so:

    stream-ok-WORDS, stream-burst-WORDS (one write), stream-paced-MSms-WORDS
    stream-cut-after-N       FIN in the middle of the body
    stream-end-after-N       the body ends properly, but without finish_reason and [DONE]
    stream-reset-after-N, stream-stall-after-N
    stream-pings-only, stream-pings-after-N    comments for ever
    stream-pings-then-ok-N   N comments, then `ok`
    stream-error-first, stream-error-first-CODE, stream-error-after-N
    stream-empty, stream-done-only, stream-no-done (finish_reason without [DONE])
    stream-bad-json-after-N, stream-utf8-invalid
    stream-crlf, stream-cr, stream-nospace, stream-named, stream-commented, stream-multiline, stream-bom, stream-no-last-blank
    stream-bytes-1, stream-crlf-split, stream-utf8-split    cut at bad places
    stream-huge-event-MIB, stream-endless-line, stream-flood
    stream-done-then-more, stream-done-never-closes, stream-until-close, stream-length
    stream-usage-null, stream-usage-on-finish, stream-no-usage
    stream-tool-calls, stream-reasoning, stream-ignored (a whole body instead)
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from tests.fakes.chaos import streams, whole
from tests.fakes.chaos.exchange import Exchange

Behaviour = Callable[..., Awaitable[None]]

TABLE: tuple[tuple[str, Behaviour], ...] = (
    (r"ok", whole.ok),
    (r"ok-usage-(?P<prompt>\d+)-(?P<completion>\d+)", whole.ok_usage),
    (r"slow-(?P<ms>\d+)ms", whole.slow),
    (r"echo", whole.echo),
    (r"stale-reuse", whole.stale_reuse),
    (r"ok-odd-json", whole.ok_odd_json),
    (r"ok-tools", whole.ok_tools),
    (r"json-(?P<kind>list|string|null|object|error)", whole.json_value),
    (r"html-200", whole.html_200),
    (r"truncated-json", whole.truncated_json),
    (r"empty-body", whole.empty_body),
    (r"gzip", whole.gzipped),
    (r"huge-json-(?P<mib>\d+)", whole.huge_json),
    (r"status-(?P<code>\d{3})", whole.status),
    (r"status-(?P<code>\d{3})-retry-after-(?P<value>.+)", whole.status_retry_after),
    (r"status-429-quota", whole.status_quota),
    (r"status-(?P<code>\d{3})-html", whole.status_html),
    (r"status-(?P<code>\d{3})-leak", whole.status_leak),
    (r"refuses-(?P<code>\d{3})-(?P<ending>\w+)", whole.refuses),
    (r"error-list", whole.error_list),
    (r"redirect", whole.redirect),
    (r"reset-before-head", whole.reset_before_head),
    (r"close-before-head", whole.close_before_head),
    (r"hang", whole.hang),
    (r"head-then-hang", whole.head_then_hang),
    (r"half-then-hang", whole.half_then_hang),
    (r"not-http", whole.not_http),
    (r"header-flood-(?P<count>\d+)", whole.header_flood),
    (r"header-huge-(?P<kib>\d+)", whole.header_huge),
    (r"head-endless", whole.head_endless),
    (r"informational-flood", whole.informational_flood),
    (r"cl-te", whole.cl_te),
    (r"two-bodies", whole.two_bodies),
    (r"length-short", whole.length_short),
    (r"length-long", whole.length_long),
    (r"stream-ok-(?P<words>\d+)", streams.ok),
    (r"stream-burst-(?P<words>\d+)", streams.burst),
    (r"stream-paced-(?P<ms>\d+)ms-(?P<words>\d+)", streams.paced),
    (r"stream-cut-after-(?P<events>\d+)", streams.cut),
    (r"stream-end-after-(?P<events>\d+)", streams.end),
    (r"stream-reset-after-(?P<events>\d+)", streams.reset),
    (r"stream-stall-after-(?P<events>\d+)", streams.stall),
    (r"stream-pings-only", streams.pings_only),
    (r"stream-pings-after-(?P<events>\d+)", streams.pings_after),
    (r"stream-pings-then-ok-(?P<count>\d+)", streams.pings_then_ok),
    (r"stream-error-first", streams.error_first),
    (r"stream-error-first-(?P<code>\d{3})", streams.error_first_status),
    (r"stream-error-after-(?P<events>\d+)", streams.error_after),
    (r"stream-empty", streams.empty),
    (r"stream-done-only", streams.done_only),
    (r"stream-no-done", streams.no_done),
    (r"stream-bad-json-after-(?P<events>\d+)", streams.bad_json_after),
    (r"stream-utf8-invalid", streams.utf8_invalid),
    (r"stream-(?P<framing>crlf|cr|nospace|named|commented|multiline)", streams.framed),
    (r"stream-bom", streams.bom),
    (r"stream-no-last-blank", streams.no_last_blank),
    (r"stream-bytes-1", streams.bytes_1),
    (r"stream-crlf-split", streams.crlf_split),
    (r"stream-utf8-split", streams.utf8_split),
    (r"stream-huge-event-(?P<mib>\d+)", streams.huge_event),
    (r"stream-endless-line", streams.endless_line),
    (r"stream-flood", streams.flood),
    (r"stream-done-then-more", streams.done_then_more),
    (r"stream-done-never-closes", streams.done_never_closes),
    (r"stream-until-close", streams.until_close),
    (r"stream-length", streams.length_delimited),
    (r"stream-usage-null", streams.usage_null),
    (r"stream-usage-on-finish", streams.usage_on_finish),
    (r"stream-no-usage", streams.no_usage),
    (r"stream-tool-calls", streams.tool_calls),
    (r"stream-reasoning", streams.reasoning),
    (r"stream-ignored", streams.ignored),
)

_COMPILED = tuple((re.compile(pattern), behaviour) for pattern, behaviour in TABLE)


async def unknown(x: Exchange) -> None:
    await whole.status(x, "404")


def find(name: str) -> tuple[Behaviour, dict[str, str]]:
    """The behaviour of that name and its parameters."""
    for pattern, behaviour in _COMPILED:
        if match := pattern.fullmatch(name):
            return behaviour, match.groupdict()
    return unknown, {}
