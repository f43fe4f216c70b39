"""How are tool calls named for Mistral? By nine letters and digits; histories that were made elsewhere have other ids.

Reference: Mistral's OpenAPI document of 2026, `/chat/completions`; it refuses any other id.
"""

from __future__ import annotations

import re
from hashlib import sha256

import msgspec

from providers.bytes.patch import Fields, fields_of, patch

ALLOWED = re.compile(r"[A-Za-z0-9]{9}")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
MARK = b'"tool_call'
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def messages_of(fields: Fields) -> bytes | None:
    """The messages with ids that Mistral takes, one for each other id, always the same; None if none needs one."""
    raw = fields.raw("messages") or b"[]"
    if MARK not in raw:
        return None
    messages = [bytes(message) for message in _list(raw)]
    changed = [_message(message) if MARK in message else message for message in messages]
    return b"[%b]" % b",".join(changed) if changed != messages else None


def mistrals(identifier: str) -> str:
    """The id that stands for another."""
    if ALLOWED.fullmatch(identifier):
        return identifier
    number = int.from_bytes(sha256(identifier.encode()).digest()[:8])
    return "".join(LETTERS[number // len(LETTERS) ** place % len(LETTERS)] for place in range(9))


def _message(raw: bytes) -> bytes:
    fields = fields_of(raw)
    changes: dict[str, bytes | None] = {}
    calls = fields.raw("tool_calls")
    if calls and calls.startswith(b"["):
        made = [_with_id(fields_of(bytes(call)), "id") if bytes(call).startswith(b"{") else bytes(call) for call in _list(calls)]
        changes["tool_calls"] = b"[%b]" % b",".join(made)
    return _with_id(fields_of(patch(fields, changes)), "tool_call_id")


def _with_id(fields: Fields, name: str) -> bytes:
    raw = fields.raw(name)
    if not raw or not raw.startswith(b'"'):
        return fields.body
    return patch(fields, {name: msgspec.json.encode(mistrals(msgspec.json.decode(raw)))})
