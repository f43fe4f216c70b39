"""Which session, agent and tags does a request name itself?

The gateway's own headers and those of cylestio-perimeter, of both its ages, must be usable: what is not is a 400. What Claude
Code (2.1.332) and Codex (0.171.0) send for their vendors is taken where it is usable, and otherwise passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from openai_api.errors import invalid
from providers.types import Call, Wire

Headers = Mapping[bytes, bytes]
MOST_ID = 256
"""Characters of a session's or an agent's id: what the columns take."""
MOST_TAGS, MOST_KEY, MOST_VALUE = 50, 64, 512
GROUP = b"x-cylestio-session-id"
"""The session, or, where another header names that, the tag `session`: the origin gave it the second meaning later."""
SESSIONS = (b"x-gateway-session-id", b"x-cylestio-conversation-id", GROUP)
AGENTS = (b"x-gateway-agent-id", b"x-cylestio-prompt-id", b"x-cylestio-agent-id")
TAGS = (b"x-cylestio-tags", b"x-gateway-tags")
"""The later ones replace tags of the same key."""
CLIENTS = (b"x-claude-code-session-id", b"session-id", b"session_id", b"conversation_id")
"""Claude Code's, Codex's, and what Codex sent before."""
KNOWN = frozenset((*SESSIONS, *AGENTS, *TAGS, *CLIENTS))
PLAIN = re.compile(r"[A-Za-z0-9._:/@+=-]{1,256}")
"""An id as programs make them."""
USER = re.compile(r"user_[^\s]*_session_(?P<session>[A-Za-z0-9-]{1,64})")
"""`metadata.user_id` as Claude Code wrote it until it became a JSON text."""


class Named(msgspec.Struct, frozen=True):
    """What a request says of itself; "" for what it does not say."""

    session: str = ""
    agent: str = ""
    tags: dict[str, str] = {}


NOTHING = Named()


class _Metadata(msgspec.Struct):
    user_id: str = ""


class _User(msgspec.Struct):
    session_id: str = ""


class _Conversation(msgspec.Struct):
    id: str = ""


_metadata = msgspec.json.Decoder(_Metadata).decode
_user = msgspec.json.Decoder(_User).decode
_conversation = msgspec.json.Decoder(str | _Conversation).decode


def named_in(headers: Headers) -> Named:
    """What the headers name. Raises 400 `invalid_headers` for a value of the gateway's own headers that cannot be taken."""
    if KNOWN.isdisjoint(headers):
        return NOTHING
    name = next((name for name in SESSIONS if headers.get(name)), None)
    tags: dict[str, str] = {}
    for header in TAGS:
        if value := headers.get(header):
            tags |= tags_in(_printable(header, value))
    if name not in (None, GROUP) and (group := headers.get(GROUP)):
        tags["session"] = _id(GROUP, group)
    session = _id(name, headers[name]) if name else _of_clients(headers)
    agent = next((name for name in AGENTS if headers.get(name)), None)
    return Named(session, _id(agent, headers[agent]) if agent else "", dict(list(tags.items())[:MOST_TAGS]))


def named_within(call: Call) -> str:
    """The session that the body of a call names, in a field that is found without reading the rest; "" if none."""
    try:
        if call.wire is Wire.ANTHROPIC_MESSAGES and (raw := call.fields.raw("metadata")) is not None:
            return _session_of(_metadata(raw).user_id)
        if call.wire is Wire.OPENAI_RESPONSES and (raw := call.fields.raw("conversation")) is not None:
            told = _conversation(raw)
            return _usable(told if isinstance(told, str) else told.id)
    except msgspec.DecodeError:
        return ""
    return ""


def tags_in(text: str) -> dict[str, str]:
    """The tags of a text such as `team:blue,urgent`: at most 50, of which a key is at most 64 characters (left out if it is
    longer), and a value 512 (cut)."""
    tags: dict[str, str] = {}
    for part in text.split(","):
        key, colon, value = part.partition(":")
        key = key.strip()
        if key and len(key) <= MOST_KEY and (key in tags or len(tags) < MOST_TAGS):
            tags[key] = value.strip()[:MOST_VALUE] if colon else "true"
    return tags


def _of_clients(headers: Headers) -> str:
    for name in CLIENTS:
        if value := headers.get(name):
            return _usable(value.decode("latin-1"))
    return ""


def _session_of(user: str) -> str:
    """The session in the id of a user, as Claude Code writes it."""
    if user.startswith("{"):
        return _usable(_user(user).session_id)
    told = USER.fullmatch(user)
    return told["session"] if told else ""


def _usable(text: str) -> str:
    return text if PLAIN.fullmatch(text) else ""


def _id(name: bytes, value: bytes) -> str:
    text = _printable(name, value)
    if len(text) > MOST_ID:
        raise _refused(name, f"has {len(text)} characters. The limit is {MOST_ID}.")
    return text


def _printable(name: bytes, value: bytes) -> str:
    try:
        text = value.decode().strip()
    except UnicodeDecodeError as error:
        raise _refused(name, "is not UTF-8.") from error
    if not text.isprintable():
        raise _refused(name, "has characters that cannot be printed.")
    return text


def _refused(name: bytes, what: str) -> Exception:
    return invalid("invalid_headers", f"The header {name.decode()} {what}")
