"""How is a conversation that is a prompt told to `/api/generate`?

Format: Ollama of August 2026, `api/types.go`, `GenerateRequest`.
"""

from __future__ import annotations

import msgspec

from providers.bytes.patch import Fields

Changes = dict[str, bytes | None]


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: str
    content: msgspec.Raw
    images: msgspec.Raw = msgspec.Raw()


_messages = msgspec.json.Decoder(list[_Message]).decode


def prompt_of(fields: Fields) -> Changes | None:
    """The changes that make a prompt of messages, which are one of the user, perhaps after one of the system; None if they are
    anything else, as whoever looks at requests may have made them."""
    try:
        messages = _messages(fields.raw("messages") or b"null")
    except (msgspec.DecodeError, RecursionError):
        return None
    if [message.role for message in messages] not in (["user"], ["system", "user"]):
        return None
    user = messages[-1]
    changes: Changes = {"messages": None, "prompt": bytes(user.content)}
    if len(messages) > 1:
        changes["system"] = bytes(messages[0].content)
    if bytes(user.images):
        changes["images"] = bytes(user.images)
    return changes
