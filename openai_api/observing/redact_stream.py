"""How are credentials taken out of a recorded stream, also where a text is cut over several frames?

The texts that grow from frame to frame are joined, searched, and given back to their frames. A frame of which nothing is replaced
keeps its bytes; of others the data is written anew.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from openai_api.observing import redact
from openai_api.observing.redact import Span
from providers.bytes.framing import SSE, Framing
from providers.bytes.ndjson import NDJSON
from providers.errors import ProviderError

GROWING = frozenset(
    {
        "arguments",
        "content",
        "delta",
        "input",
        "partial_json",
        "reasoning",
        "reasoning_content",
        "refusal",
        "response",
        "text",
        "thinking",
        "transcript",
    }
)
"""Members that hold a piece of a text, in the streams of all wires."""
WHICH = ("index", "output_index", "content_index", "summary_index", "item_id")
"""Members that say which text a piece is of."""
DEEPEST = 24
Path = tuple[str | int, ...]


class Cleaned(NamedTuple):
    """The body, and the lengths of its frames before and after."""

    body: bytes
    before: Sequence[int]
    after: Sequence[int]

    @property
    def redacted(self) -> bool:
        return self.before is not self.after

    def pieces(self, pieces: Sequence[tuple[float, int]]) -> Sequence[tuple[float, int]]:
        """The pieces in which the frames were sent, each with as many bytes as it has now."""
        if not self.redacted:
            return pieces
        old, new = [0, *accumulate(self.before)], [0, *accumulate(self.after)]
        ends = [0, *(_moved(end, old, new) for end in accumulate(size for _, size in pieces))]
        return [(moment, end - start) for (moment, _), start, end in zip(pieces, ends, ends[1:], strict=False)]


class Piece(NamedTuple):
    """A part of a growing text: in which frame, and where in the frame's data."""

    frame: int
    path: Path
    text: str


def framing_of(content_type: str) -> Framing | None:
    """How a body of that type is cut into frames; None if it is none."""
    kind = content_type.partition(";")[0].strip().lower()
    return {"text/event-stream": SSE, "application/x-ndjson": NDJSON}.get(kind)


def frames_of(body: bytes, framing: Framing) -> list[bytes]:
    """The frames of a whole body; what is left of a last one, too."""
    splitter = framing.splitter()
    try:
        frames = splitter.feed(body)
        rest = splitter.rest()
    except ProviderError:
        return [body]
    return [*frames, rest] if rest else frames


def stream(body: bytes, framing: Framing) -> Cleaned:
    """The body without credentials."""
    frames = frames_of(body, framing)
    data = [framing.data_of(frame) or b"" for frame in frames]
    edits = _edits(data)
    made = [_frame(frame, data[number], edits.get(number), framing) for number, frame in enumerate(frames)]
    before = list(map(len, frames))
    if all(new is old for new, old in zip(made, frames, strict=True)):
        return Cleaned(body, before, before)
    return Cleaned(b"".join(made), before, list(map(len, made)))


def _moved(offset: int, old: Sequence[int], new: Sequence[int]) -> int:
    """Where a byte is after the frames before it have changed their lengths; `old` and `new` are where frames begin."""
    frame = min(bisect_right(old, offset) - 1, len(new) - 2)
    return new[frame] + min(offset - old[frame], new[frame + 1] - new[frame]) if frame >= 0 else offset


def _frame(frame: bytes, data: bytes, changes: dict[Path, str] | None, framing: Framing) -> bytes:
    if not data:
        return redact.raw_text(frame)
    shown = redact.json_body(data if changes is None else _changed(data, changes))
    return frame if shown is data else framing.with_data(frame, data, shown)


def _changed(data: bytes, changes: dict[Path, str]) -> bytes:
    value = msgspec.json.decode(data)
    for path, text in changes.items():
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = text
    return msgspec.json.encode(value)


def _edits(data: Sequence[bytes]) -> dict[int, dict[Path, str]]:
    """What the frames' growing texts are to be, by the numbers of the frames, where they hold a part of a credential."""
    grown: dict[Hashable, list[Piece]] = {}
    for number, told in enumerate(data):
        try:
            value = msgspec.json.decode(told) if told else None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        for path, which, text in _texts(value, (), ()):
            grown.setdefault(which, []).append(Piece(number, path, text))
    edits: dict[int, dict[Path, str]] = {}
    for pieces in grown.values():
        found = redact.spans("".join(piece.text for piece in pieces))
        for piece, rest in _given_back(pieces, found) if found else ():
            edits.setdefault(piece.frame, {})[piece.path] = rest
    return edits


def _given_back(pieces: Sequence[Piece], found: Sequence[Span]) -> Iterator[tuple[Piece, str]]:
    """The pieces that change: the first one of a credential has what stands in its place, the others lack their part."""
    start = first = 0
    for piece in pieces:
        end = start + len(piece.text)
        while first < len(found) and found[first].end <= start:
            first += 1
        inside, last = [], first
        while last < len(found) and (span := found[last]).start < end:
            text = span.text if span.start >= start else ""
            inside.append(Span(max(span.start - start, 0), min(span.end, end) - start, text))
            last += 1
        if inside:
            yield piece, redact.replaced(piece.text, inside)
        start = end


def _texts(value: Any, path: Path, which: tuple[Hashable, ...]) -> Iterator[tuple[Path, Hashable, str]]:
    """The growing texts of a frame: where they stand, of which text they are a piece, and the piece."""
    if len(path) > DEEPEST:
        return
    if isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, (dict, list)):
                yield from _texts(item, (*path, number), (*which, number))
    elif isinstance(value, dict):
        told = (*which, *(_plain(value.get(name)) for name in WHICH))
        for name, item in value.items():
            if isinstance(item, str):
                if name in GROWING and item:
                    yield (*path, name), (*told, name), item
            elif isinstance(item, (dict, list)):
                yield from _texts(item, (*path, name), (*told, name))


def _plain(value: Any) -> str | int | None:
    return value if isinstance(value, (str, int)) else None
