"""How far has a conversation come, and how far had it come before? Digests of what was said, message by message.

A client sends again all that was said, and adds to it. What it sends of an earlier message is not always the same bytes (marks
of a cache move, a text becomes a list with one text), so texts and the ids of tool calls count, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import md5, sha256

import msgspec

from openai_api.sessions.told import READERS, Said, Told
from providers.types import Call

LOOK_BACK = 4
"""Of how many turns the beginnings are looked for: the last may have been served where nobody took note of it, or its calls and
their results stand one by one."""
NO_PROMPT = "default-system"
DIGEST_BYTES = 16
LONG = 8192
"""Characters of a prompt above which its agent's name is not remembered."""
_packed = msgspec.msgpack.Encoder().encode


class Conversation(msgspec.Struct, frozen=True):
    """`agent` stands for the system's prompt. `paths` are the digests of the beginnings that may have been a request of their
    own, the longest first, and `counts` the number of messages in each; `whole` is the digest of all."""

    agent: str
    paths: tuple[bytes, ...]
    counts: tuple[int, ...]
    whole: bytes


def conversation_of(call: Call, scope: str, *, again: bool = False) -> Conversation | None:
    """The conversation of a call; None if it cannot be read. Digests of another `scope` are others. `again` says that the same
    request has been sent before."""
    try:
        told = READERS[call.wire](call)
    except msgspec.DecodeError:
        return None  # the upstream will say what is wrong with it
    paths, counts, whole = _digests(_packed((scope, call.wire, told.system)), told.said)
    if again:
        paths, counts = (whole, *paths), (len(told.said), *counts)
    return Conversation(agent_of(told), paths, counts, whole)


def agent_of(told: Told) -> str:
    """The agent that a system's prompt makes: the name that cylestio-perimeter gives it, so that an agent keeps it."""
    system = told.system or told.prompt
    if not system:
        return NO_PROMPT
    return _name_of(system) if len(system) > LONG else _known_name_of(system)


def _name_of(system: str) -> str:
    return f"prompt-{md5(system.encode(), usedforsecurity=False).hexdigest()[:12]}"


_known_name_of = lru_cache(maxsize=512)(_name_of)


def _digests(seed: bytes, said: Sequence[Said]) -> tuple[tuple[bytes, ...], tuple[int, ...], bytes]:
    """The digests before the last turns of the model, the longest first, with the numbers of messages, and that of all."""
    turns = []
    models = False
    for place, (by_model, _) in enumerate(said):
        if by_model and not models and place:
            turns.append(place)
        models = by_model
    turns = turns[-LOOK_BACK:]
    packed = [b"" if what is None else _packed(what) for _, what in said]
    if not turns:
        return (), (), sha256(b"".join((seed, *packed))).digest()[:DIGEST_BYTES]
    digest, paths, begin = sha256(seed), [], 0
    for place in turns:
        digest.update(b"".join(packed[begin:place]))
        paths.append(digest.copy().digest()[:DIGEST_BYTES])
        begin = place
    digest.update(b"".join(packed[begin:]))
    return tuple(paths[::-1]), tuple(turns[::-1]), digest.digest()[:DIGEST_BYTES]
