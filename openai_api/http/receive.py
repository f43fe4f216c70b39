"""How is a request taken in? Its headers are checked, its body read within a size and a time, and only if it can be used."""

from __future__ import annotations

import logging
import re
from codecs import BOM_UTF8 as BOM
from collections.abc import Mapping
from itertools import chain

from openai_api.context import Limits, Receive
from openai_api.errors import CLOSE, RETRY_SOON, ApiError, conflicting_credentials
from openai_api.http.bounded_body import BoundedBody, too_large
from openai_api.http.coded_body import CodedBody, Take, coded_body
from openai_api.http.credentials import key_in
from openai_api.http.disconnect import Message, Rest, first_step
from openai_api.http.spool import DiskSpool, NoRoom
from providers.bytes.multipart import BrokenForm, Form, FormReader
from providers.ids import unique
from providers.offload import offload

log = logging.getLogger("gateway.requests")
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
ONCE = (b"host", b"content-length")
LISTS = (
    b"traceparent",
    b"tracestate",
    b"content-encoding",
    b"anthropic-beta",
    b"x-gateway-tags",
    b"x-cylestio-tags",
    b"x-forwarded-for",
)
"""Headers whose values are one list, though they may come in several lines (RFC 9110 5.3). A second `traceparent` makes no list:
together they are seen to be none, as W3C's Trace Context wants, where the last one alone would pass."""
UNDERSCORED = frozenset({b"session_id", b"conversation_id"})
"""Headers of older versions of Codex. They name a session, which a client says of itself in any case."""
NOT_IN_A_HOST = b"/?#@ "


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The id that the client gave the request, if it can be repeated everywhere, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return unique()[:32]


class ClientGone(Exception):
    """The client left before its request was complete."""


def checked_headers(headers: list[tuple[bytes, bytes]], credentials: tuple[bytes, ...]) -> Mapping[bytes, bytes]:
    """The headers by name; those of `credentials` may carry a key. Names that hold `_`, which some servers take for `-`, are
    not among them but for those of `UNDERSCORED`, nor are trailers, which come later.

    Raises 431 `headers_too_large`, or 400 `invalid_headers` for anything but one good Host, one way to end the body, and
    one key in each credential header.
    """
    found = dict(headers)
    names = b"".join(found)
    size = len(names) + len(b"".join(found.values()))
    if len(found) != len(headers):
        size = sum(map(len, chain.from_iterable(headers)))
    if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        text = f"Request has {len(headers)} headers, {size} bytes. The limit is {MAX_HEADERS} headers, {MAX_HEADER_BYTES} bytes."
        raise ApiError(431, "headers_too_large", text, headers=CLOSE)
    if len(found) != len(headers):
        _merge_repeated(headers, found, credentials)
    host = found.get(b"host")
    if not host or len(host.translate(None, NOT_IN_A_HOST)) < len(host):
        raise ApiError(400, "invalid_headers", "Send exactly one valid Host header.", headers=CLOSE)
    if b"transfer-encoding" in found and b"content-length" in found:
        raise ApiError(400, "invalid_headers", "Send Content-Length or Transfer-Encoding, not both.", headers=CLOSE)
    if b"_" in names:
        return {name: value for name, value in found.items() if b"_" not in name or name in UNDERSCORED}
    return found


def _merge_repeated(headers: list[tuple[bytes, bytes]], found: dict[bytes, bytes], credentials: tuple[bytes, ...]) -> None:
    """Of a header that came more than once `found` has the last one: makes it the right one, or refuses."""
    names = [name for name, _ in headers]
    for name in ONCE:
        if names.count(name) > 1:
            raise ApiError(400, "invalid_headers", f"Duplicate {name.decode()} header. Send one.", headers=CLOSE)
    for name in LISTS:
        if names.count(name) > 1:
            found[name] = b",".join([value for other, value in headers if other == name])
    for name in credentials:
        if names.count(name) > 1:
            keys = {key: value for other, value in headers if other == name and (key := key_in(name, value))}
            if len(keys) > 1:
                raise conflicting_credentials()
            found[name] = next(iter(keys.values()), b"")


def is_form(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the body is multipart."""
    return headers.get(b"content-type", b"").lower().startswith(b"multipart/")


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], limits: Limits) -> bytes:
    """The whole body, without its content codings. Raises 413 `request_too_large`, 415 `unsupported_encoding`,
    400 `invalid_encoding`, 408 `request_timeout`, `ClientGone`."""
    length = _check_announced(headers, limits)
    coded = coded_body(headers, limits.max_body_bytes, length)
    first = first_step(receive())
    if coded is None and not isinstance(first, Rest) and not first.get("more_body"):
        return _part(BoundedBody(receive, limits).counted(first)).removeprefix(BOM)  # the commonest: it has come with the head
    parts: list[bytes] = []
    size = await _read(BoundedBody(receive, limits), first, parts.append, coded)
    return (await offload(size, b"".join, parts)).removeprefix(BOM)


async def read_form(
    receive: Receive, headers: Mapping[bytes, bytes], limits: Limits, max_file_bytes: int, max_form_bytes: int = 0
) -> tuple[Form, int]:
    """The parts of a multipart body, and its size without content codings. A form that is larger than `max_form_bytes` is not
    read. Raises as `read_body`, and 400 `invalid_form`, 413 `file_too_large`, 503 `storage_unavailable`."""
    length = _check_announced(headers, limits)
    if 0 < max_form_bytes < length:
        raise _file_too_large(max_file_bytes, None)
    coded = coded_body(headers, max_form_bytes or limits.max_body_bytes, length)
    try:
        reader = FormReader(headers[b"content-type"], max_file_bytes, DiskSpool)
    except BrokenForm as error:
        raise _broken_form(error) from error

    def feed(data: bytes) -> None:
        reader.feed(data)
        if reader.too_large is not None:
            raise _file_too_large(max_file_bytes, reader.too_large)

    try:
        size = await _read(BoundedBody(receive, limits), first_step(receive()), feed, coded)
        return reader.finish(), size
    except BrokenForm as error:
        reader.form.close()
        raise _broken_form(error) from error
    except NoRoom as error:
        reader.form.close()
        log.warning("uploaded file could not be stored in the temporary directory", extra={"reason": str(error)})
        raise _no_room() from error
    except BaseException:
        reader.form.close()
        raise


def _file_too_large(max_file_bytes: int, name: str | None) -> ApiError:
    return ApiError(413, "file_too_large", f"File exceeds the {max_file_bytes // 1024**2} MiB limit.", param=name, headers=CLOSE)


def _no_room() -> ApiError:
    message = "No disk space for the uploaded file. Try again later."
    return ApiError(503, "storage_unavailable", message, kind="overloaded_error", headers=(*RETRY_SOON, *CLOSE))


def _broken_form(error: BrokenForm) -> ApiError:
    return ApiError(400, "invalid_form", str(error), headers=CLOSE)


def _check_announced(headers: Mapping[bytes, bytes], limits: Limits) -> int:
    """The length that the headers tell, 0 if they tell none."""
    told = headers.get(b"content-length", b"")
    length = int(told) if told.isdigit() else 0
    if length > limits.max_body_bytes:
        raise too_large(limits)
    return length


async def _read(body: BoundedBody, first: Message | Rest, take: Take, coded: CodedBody | None) -> int:
    """Gives the body piece by piece to `take`, without its content codings; its size."""
    message = await body.begin(first)
    while True:
        part = _part(message)
        if coded is None:
            take(part)
        else:
            await coded.feed(part, take)
        if not message.get("more_body"):
            break
        message = await body()
    if coded is None:
        return body.size
    coded.finish()
    return coded.size


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    part: bytes = message.get("body", b"")
    return part
