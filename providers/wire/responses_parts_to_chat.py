"""How does the content of a Responses item become chat's parts, or one text where chat has only that?

Formats: OpenAI OpenAPI document of November 2026, `/responses` (`input_text`, `input_image`, `input_file`, `input_audio`,
`output_text`, `refusal`) to `/chat/completions`; Codex sends sound as `audio_url`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from providers.bytes.data_url import taken_apart
from providers.wire.openai_responses.tools import Json, refused

BREAKPOINT = "prompt_cache_breakpoint"
"""What both formats may have in any part: everything up to it is worth keeping in the cache."""
SILENT = frozenset({"type", "annotations", "logprobs", "id", BREAKPOINT})
"""Fields of a part that say nothing to the model, or are carried for every kind."""
Said = str | list[Json]
"""A content: one text, or parts."""


def _text(part: Json) -> Json:
    return {"type": "text", "text": part.get("text") or ""}


def _image(part: Json) -> Json | None:
    url = part.get("image_url")
    url = url.get("url") if isinstance(url, dict) else url
    if not url:
        return None
    detail = {"detail": part["detail"]} if part.get("detail") else {}
    return {"type": "image_url", "image_url": {"url": url, **detail}}


def _file(part: Json) -> Json | None:
    known = {name: part[name] for name in ("file_id", "file_data", "filename") if part.get(name)}
    return {"type": "file", "file": known} if "file_id" in known or "file_data" in known else None


def _audio(part: Json) -> Json | None:
    sound = part.get("input_audio")
    if sound is None and (url := taken_apart(part.get("audio_url"))):
        sound = {"data": url[1], "format": {"mpeg": "mp3", "x-wav": "wav"}.get(url[0], url[0])}
    return {"type": "input_audio", "input_audio": sound} if sound else None


Make = Callable[[Json], Json | None]
TEXT: tuple[Make, frozenset[str]] = (_text, frozenset({"text"}))
PARTS: Mapping[str, tuple[Make, frozenset[str]]] = MappingProxyType(
    {
        "input_text": TEXT,
        "output_text": TEXT,
        "text": TEXT,
        "summary_text": TEXT,
        "input_image": (_image, frozenset({"image_url", "detail"})),
        "input_file": (_file, frozenset({"file_id", "file_data", "filename"})),
        "input_audio": (_audio, frozenset({"input_audio", "audio_url"})),
    }
)
"""Each kind of part with what makes chat's of it, and the fields that this carries."""


def content_of(content: Any, place: str, lossy: list[str]) -> list[Json]:
    """A message's content as chat's parts; notes in `lossy` the fields that were left out. Refusals are no part of it. Raises
    400 for parts that chat has not."""
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content or ""}]
    if not isinstance(content, list):
        raise refused("The content must be a text or a list of parts.", f"{place}.content")
    made = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        make, known = PARTS.get(str(kind), (None, SILENT))
        converted = make(part) if make else None
        if converted is not None:
            if part.get(BREAKPOINT) is not None:
                converted[BREAKPOINT] = part[BREAKPOINT]
            lossy += [
                f"input[].content[].{name}" for name, value in part.items() if value is not None and name not in known | SILENT
            ]
            made.append(converted)
        elif kind != "refusal":
            where = f"{place}.content[{number}]"
            raise refused(f"This model's provider cannot take a part of type {kind!r} like this.", where)
    return made


def joined(parts: Sequence[Json]) -> str:
    """The texts as one."""
    return "".join(part["text"] for part in parts if part["type"] == "text")


def only_text(parts: list[Json]) -> Said:
    """The texts as one, which every upstream takes; as parts only where one of them ends what is to be cached."""
    texts = [part for part in parts if part["type"] == "text"]
    return texts if any(BREAKPOINT in part for part in texts) else joined(texts)


def compact(parts: list[Json]) -> Said:
    """One text is sent as a text: some upstreams know nothing else."""
    return parts[0]["text"] if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def in_turn(contents: Sequence[Said]) -> Said:
    """Several contents, one after the other."""
    if all(isinstance(said, str) for said in contents):
        return "\n\n".join(str(said) for said in contents)
    return [part for said in contents for part in ([{"type": "text", "text": said}] if isinstance(said, str) else said)]
