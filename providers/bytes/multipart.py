"""How is a form of files and fields taken apart and put together? Format: multipart/form-data (RFC 7578).

Parts keep their order, their repeats and their bracketed names. Files above `SPOOL_BYTES` go to a spool, which the reader's
owner provides (on disk: `openai_api/http/spool.py`), and are read from there, piece by piece, whenever they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from secrets import token_hex
from typing import Protocol
from urllib.parse import unquote_to_bytes

import msgspec
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

SPOOL_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024
"""How much of a file is in memory while it is sent."""
MAX_PARTS = 1000
MAX_TEXT_BYTES = 1024 * 1024
MAX_TEXTS_BYTES = 8 * 1024 * 1024
"""All texts of a form together, which stay in memory."""
MAX_NAME = 200
HEAD_BYTES = 64
UNSAFE_IN_NAME = re.compile(r"[\x00-\x1f\x7f]")
TOKEN_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}(?:;[ -~]{0,200})?")
OPTION = re.compile(rb';[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*+)"|([^;" \t]*+))[ \t]*')
"""A parameter of a header: its name, and its value with quotes or without."""
ESCAPED = re.compile(rb'\\(["\\])')
FIRST_ENDS = (b"\r", b"-")
"""What may follow the first boundary: a part, or the end of a form without any."""
PLAIN_CODINGS = frozenset({b"binary", b"8bit", b"7bit"})


class BrokenForm(ValueError):
    """The text is not a form, or breaks a bound; the message is for the client."""


class Spool(Protocol):
    """Holds one large file outside of memory."""

    def write(self, data: memoryview) -> None:
        """Appends all of the data, or raises."""
        ...

    def read(self, start: int, size: int) -> bytes: ...

    def close(self) -> None:
        """Discards the file. May be called twice."""
        ...


class Part(msgspec.Struct):
    """One field. `filename` is None for text, and never a path. `head` holds the whole value or, if that is in `spool`, its
    first bytes."""

    name: str
    filename: str | None = None
    content_type: str = ""
    size: int = 0
    head: bytes = b""
    spool: Spool | None = None

    @property
    def plain_name(self) -> str:
        """The name without the brackets that say it is a list."""
        return self.name.removesuffix("[]")

    def text(self) -> str:
        """The value of a field that is text. Raises `BrokenForm` unless it is UTF-8."""
        try:
            return self.data().decode("utf-8")
        except UnicodeDecodeError as error:
            raise BrokenForm(f"The field {self.name!r} is not valid UTF-8.") from error

    def data(self) -> bytes:
        """The whole value."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The value, a piece at a time. May be called again, and while an earlier call has not come to its end."""
        if self.spool is None:
            yield self.head
            return
        for at in range(0, self.size, PIECE_BYTES):
            yield self.spool.read(at, min(PIECE_BYTES, self.size - at))


class Form(msgspec.Struct):
    """The parts of a form in their order."""

    parts: list[Part] = []

    def all(self, name: str) -> Iterator[Part]:
        """The parts of that name, with or without brackets."""
        return (part for part in self.parts if part.plain_name == name)

    def first(self, name: str) -> Part | None:
        """The first part of that name, with or without brackets."""
        return next(self.all(name), None)

    def text(self, name: str) -> str | None:
        """The value of a text field, None when there is none. Raises `BrokenForm`."""
        part = self.first(name)
        return None if part is None or part.filename is not None else part.text()

    def close(self) -> None:
        """Discards the spooled files. May be called twice."""
        for part in self.parts:
            if part.spool is not None:
                part.spool.close()


class FormReader:
    """Reads a form piece by piece. `form` holds what has been read so far; its owner closes it."""

    def __init__(self, content_type: bytes, max_file_bytes: int, new_spool: Callable[[], Spool] | None = None) -> None:
        """`new_spool` makes a spool for each file above `SPOOL_BYTES`; without it, all files stay in memory. Raises `BrokenForm`
        if the content type has no boundary."""
        kind, options = _options(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
            raise BrokenForm("The content type has no boundary.")
        self.form = Form()
        self.too_large: str | None = None
        """The name of a file that was larger than allowed; nothing more is kept then."""
        self._max_file_bytes = max_file_bytes
        self._new_spool = new_spool
        self._field = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._held = bytearray()
        self._texts = 0
        self._ended = False
        calls = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }
        self._parser = MultipartParser(boundary, calls)  # type: ignore[arg-type]
        self._delimiter = b"\n--" + boundary
        self._preamble: bytes | None = b"\n"
        """The end of what came before the first boundary, after a line break to begin with; None behind it."""

    def feed(self, data: bytes) -> None:
        """Reads on. Raises `BrokenForm`, and what the spool raises when it takes no more."""
        try:
            self._parser.write(data if self._preamble is None else self._behind_preamble(data))
        except MultipartParseError as error:
            raise BrokenForm("The body is not a form with this boundary.") from error

    def _behind_preamble(self, data: bytes) -> bytes:
        """What of the data is at or behind the first boundary. Text before it, and after the last one, says nothing (RFC 2046
        5.1.1)."""
        held = (self._preamble or b"") + data
        at = min((found for end in FIRST_ENDS if (found := held.find(self._delimiter + end)) >= 0), default=-1)
        if at < 0:
            self._preamble = held[-len(self._delimiter) :]
            return b""
        self._preamble = None
        return held[at + 1 :]

    def finish(self) -> Form:
        """The whole form. Raises `BrokenForm` when its end is missing."""
        if self._preamble not in (None, b"\n"):
            raise BrokenForm("The body is not a form with this boundary.")
        if not self._ended:
            raise BrokenForm("The form is cut off: its closing boundary is missing.")
        return self.form

    def _begin(self) -> None:
        if len(self.form.parts) >= MAX_PARTS:
            raise BrokenForm(f"A form may have {MAX_PARTS} parts.")
        self._headers = {}

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        kind, options = _options(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise BrokenForm("A part of the form has no name.")
        if self._headers.get(b"content-transfer-encoding", b"binary").strip().lower() not in PLAIN_CODINGS:
            raise BrokenForm("A part of the form has a transfer encoding. Send it unencoded.")
        content_type = self._headers.get(b"content-type", b"").decode("latin-1").strip()
        kept_type = content_type if TOKEN_TYPE.fullmatch(content_type) else ""
        self.form.parts.append(Part(_name(options[b"name"]), _filename(options), kept_type))

    def _data(self, data: bytes, start: int, end: int) -> None:
        part = self.form.parts[-1]
        part.size += end - start
        if part.filename is None:
            self._check_text(part, end - start)
        elif part.size > self._max_file_bytes:
            self.too_large = self.too_large or part.name
        if self.too_large is not None:
            return
        if part.spool is not None:
            part.spool.write(memoryview(data)[start:end])
            return
        self._held += memoryview(data)[start:end]
        if part.filename is not None and self._new_spool is not None and len(self._held) > SPOOL_BYTES:
            part.spool = self._new_spool()
            part.head = bytes(self._held[:HEAD_BYTES])
            held, self._held = self._held, bytearray()
            part.spool.write(memoryview(held))

    def _check_text(self, part: Part, more: int) -> None:
        self._texts += more
        if part.size > MAX_TEXT_BYTES:
            raise BrokenForm(f"The field {part.name!r} exceeds 1 MiB. Only files may be larger, and their parts need a filename.")
        if self._texts > MAX_TEXTS_BYTES:
            raise BrokenForm(f"The text fields of the form exceed {MAX_TEXTS_BYTES // 1024**2} MiB in total.")

    def _part_end(self) -> None:
        part = self.form.parts[-1]
        if part.spool is None:
            part.head = bytes(self._held)
            self._held = bytearray()

    def _end(self) -> None:
        self._ended = True


def text_part(name: str, value: str) -> Part:
    """A field of text."""
    data = value.encode()
    return Part(name, size=len(data), head=data)


def file_part(name: str, filename: str, content_type: str, data: bytes) -> Part:
    """A file that is in memory."""
    return Part(name, filename, content_type, len(data), data)


def changed(form: Form, changes: Mapping[str, str | None]) -> list[Part]:
    """The parts with some text fields set or, by None, removed; all others as they are. A field that was there keeps its
    place and its brackets; a new one comes first, so that it stands before every file."""
    left = dict(changes)
    kept: list[Part] = []
    for part in form.parts:
        if part.plain_name not in changes:
            kept.append(part)
        elif (value := left.pop(part.plain_name, None)) is not None:
            kept.append(text_part(part.name, value))
    return [text_part(name, value) for name, value in left.items() if value is not None] + kept


class FormBody:
    """The bytes of a form, read from its files while they are sent: again from the start for every `iter`."""

    def __init__(self, parts: Iterable[Part]) -> None:
        boundary = b"----form-" + token_hex(16).encode()
        self.content_type = b"multipart/form-data; boundary=" + boundary
        self._parts = [(_head_of(boundary, part), part) for part in parts]
        self._closing = b"--" + boundary + b"--\r\n"
        self._size = sum(len(head) + part.size + 2 for head, part in self._parts) + len(self._closing)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        for head, part in self._parts:
            yield head
            yield from part.pieces()
            yield b"\r\n"
        yield self._closing

    def __bytes__(self) -> bytes:
        return b"".join(self)


def _head_of(boundary: bytes, part: Part) -> bytes:
    disposition = f'form-data; name="{_quoted(part.name)}"'
    if part.filename is not None:
        disposition += f'; filename="{_quoted(part.filename)}"'
    kind = f"content-type: {part.content_type}\r\n" if part.content_type else ""
    return b"--%b\r\ncontent-disposition: %b\r\n%b\r\n" % (boundary, disposition.encode(), kind.encode("latin-1"))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _options(header: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The value of a header in lower case, and its parameters. Of what is not well-formed nothing is taken."""
    kind, mark, rest = header.partition(b";")
    options: dict[bytes, bytes] = {}
    at, rest = 0, mark + rest
    while match := OPTION.match(rest, at):
        name, quoted, bare = match.groups()
        options.setdefault(name.lower(), bare if quoted is None else ESCAPED.sub(rb"\1", quoted))
        at = match.end()
    return kind.strip().lower(), options if not rest[at:].strip(b"; \t") else {}


def _name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = ""
    if not name or len(name) > MAX_NAME or UNSAFE_IN_NAME.search(name):
        raise BrokenForm("A part of the form has a name that is empty, too long or not text.")
    return name


def _filename(options: Mapping[bytes, bytes]) -> str | None:
    """The name alone, without a path and without what could end a header; None for a part that is no file. Some clients say
    it only in the form of RFC 5987, as in `filename*=utf-8''a%20b.wav`."""
    raw = options.get(b"filename")
    if raw is None and b"filename*" in options:
        raw = unquote_to_bytes(options[b"filename*"].rpartition(b"'")[2])
    if raw is None:
        return None
    name = raw.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    return UNSAFE_IN_NAME.sub("", name)[-MAX_NAME:] or "file"
