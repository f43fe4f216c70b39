r"""What becomes of a character that an upstream has cut in two? Some cut a stream between the escapes of a surrogate pair
(`\ud83d` in one chunk, `\ude00` in the next: RFC 8259, section 8.2, leaves that open), some between the bytes of UTF-8.

Where bytes are relayed the halves pass as they came, and a client that joins texts has the character. Where an answer is read
and written anew, halves that meet are joined, and any other is U+FFFD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import msgspec

from providers.bytes.patch import Fields, InvalidJson, fields_of

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
"""A pair, half of one, or the start of any other escape."""
_HALF_BYTES = 6
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of pairs, but for those that stand for a byte that is no UTF-8 (PEP 383)."""
_CUT = re.compile("(?:[\ud800-\udbff]|[\udc80-\udcff]{1,3})\\Z")
"""Half a character at the end of a text, whose other half may come."""
_PAIRS = "utf-16-le"
Path = tuple[Any, ...]
T = TypeVar("T")


def mended(text: bytes) -> bytes:
    """JSON text in which halves of surrogate pairs are U+FFFD; as long as before, so that places in it stay."""
    return _ESCAPE.sub(_whole_or_mark, text)


def without_halves(text: bytes) -> bytes:
    """JSON text that may be kept and read by anybody."""
    return mended(text) if b"\\ud" in text or b"\\uD" in text else text


def _whole_or_mark(match: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if match.end() - match.start() == _HALF_BYTES else match[0]


def told_fields(body: bytes) -> Fields:
    """As `fields_of`, for what an upstream has written: halves of pairs are taken, and stay as they came."""
    try:
        return fields_of(body)
    except InvalidJson:
        whole = mended(body)
        if whole == body:
            raise
        return Fields(body, fields_of(whole).spans)


def read(decode: Callable[[bytes], T], text: bytes) -> T:
    """What `decode` reads from JSON text, whose halves are U+FFFD if it does not take them. Raises as `decode`."""
    try:
        return decode(text)
    except msgspec.DecodeError:
        return decode(mended(text))


def decoded(data: bytes) -> Any:
    """The value of JSON text, without halves. Raises `ValueError`."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _healed(_with_halves(data))


class Halves:
    """Reads the chunks of one stream, or its events, so that a text that was cut in a character goes on with the next piece."""

    def __init__(self) -> None:
        self._cut: dict[Path, str] = {}

    def decoded(self, data: bytes) -> Any:
        """The value of a chunk, without halves. Raises `ValueError`."""
        try:
            value = msgspec.json.decode(data)
            if not self._cut:
                return value
        except (msgspec.DecodeError, UnicodeDecodeError):
            value = _with_halves(data)
        if isinstance(value, dict):
            self._join(value)
        return _healed(value)

    def _join(self, chunk: dict[str, Any]) -> None:
        """Joins the deltas of the chunk, or event, with what came before."""
        if "delta" in chunk:  # an event of a response
            place = tuple(str(chunk.get(name)) for name in ("type", "output_index", "content_index", "summary_index"))
            chunk["delta"] = self._joined(chunk["delta"], place)
        choices = chunk.get("choices")
        for number, choice in enumerate(choices if isinstance(choices, list) else ()):
            if isinstance(choice, dict) and isinstance(choice.get("delta"), dict):
                place = (_number(choice, number),)
                choice["delta"] = self._joined(choice["delta"], place)
                if choice.get("finish_reason"):  # nothing follows
                    ends = [path for path in self._cut if path[:1] == place and len(path) == 2]
                    for path in ends:
                        choice["delta"][path[1]] = (choice["delta"].get(path[1]) or "") + self._cut.pop(path)

    def _joined(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            whole = self._cut.pop(path, "") + value
            if (end := _CUT.search(whole)) is not None:
                self._cut[path] = end[0]
                return whole[: end.start()]
            return whole
        if isinstance(value, dict):
            return {name: self._joined(inner, (*path, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._joined(inner, (*path, _number(inner, number))) for number, inner in enumerate(value)]
        return value


def _number(value: Any, place: int) -> Any:
    """What tells an item of a list from the others, in every chunk."""
    return str(value["index"]) if isinstance(value, dict) and "index" in value else place


def _with_halves(data: bytes) -> Any:
    """The value, whose strings may hold halves: of pairs, and of UTF-8 as PEP 383 has them. Raises `ValueError`."""
    try:
        return json.loads(data.decode("utf-8", "surrogateescape"), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("too deep") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _healed(value: Any) -> Any:
    """The value with halves that stand together joined, and any other as U+FFFD."""
    if isinstance(value, str):
        joined = value.encode(_PAIRS, "surrogatepass").decode(_PAIRS, "surrogatepass")
        return _LONE.sub("\ufffd", joined).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_healed(name): _healed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_healed(inner) for inner in value]
    return value
