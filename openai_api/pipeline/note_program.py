"""Which program calls? What it says of itself, as it is recorded: nothing is decided by it, and none of it goes upstream."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from openai_api.recording.events import Record

USER_AGENT = b"user-agent"
TITLES = (b"x-title", b"x-openrouter-title")
REFERER = b"http-referer"
TEST = b"x-gateway-test"
APP = b"x-app"
"""Says a kind of program at most ("cli"), where there is no title."""
MOST = 200
YES = frozenset({b"true", b"1"})


def note_program(record: Record, headers: Mapping[bytes, bytes], keys: Collection[bytes]) -> None:
    """Notes the app, the user agent, and whether this is a test. `keys` are those of the request, which a
    confused program may have put there, too."""
    record.test = headers.get(TEST, b"").strip().lower() in YES
    if agent := headers.get(USER_AGENT):
        record.user_agent = _text(agent, keys)
    for name in TITLES:
        if title := headers.get(name):
            record.app = _text(title, keys)
            return
    if site := headers.get(REFERER):
        record.app = _site(_text(site, keys))
    elif app := headers.get(APP):
        record.app = _text(app, keys)


def _text(value: bytes, keys: Collection[bytes]) -> str:
    for key in keys:
        if key in value:
            value = value.replace(key, b"***")
    text = value[: 4 * MOST].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text).strip()[:MOST]


def _site(text: str) -> str:
    """The scheme and the host of an address: the rest may be anybody's business."""
    try:
        parts = urlsplit(text)
        return f"{parts.scheme}://{parts.hostname}" if parts.scheme and parts.hostname else text.partition("?")[0]
    except ValueError:
        return ""
