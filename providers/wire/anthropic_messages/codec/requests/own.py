"""How is a request that came in this wire written in it again? As it came, wherever nobody has changed it.

What another vendor has signed is never sent: Anthropic refuses a history with a signature that it cannot read.
"""

from __future__ import annotations

import msgspec

from providers.canonical.blocks import Block, Reasoning, Text, Turn
from providers.canonical.extra import Extra, Json
from providers.canonical.losses import Losses
from providers.canonical.request import Request
from providers.canonical.signature import PREFIX
from providers.wire.anthropic_messages.codec.block_json import content_json
from providers.wire.anthropic_messages.codec.media import CACHE, mark_json
from providers.wire.anthropic_messages.codec.requests.decode import OLDER, PLAIN
from providers.wire.anthropic_messages.codec.requests.settings import config_json, format_json, thinking_json
from providers.wire.anthropic_messages.codec.requests.tools import choice_json, tool_json
from providers.wire.anthropic_messages.codec.requests.turns import message_json
from providers.wire.anthropic_messages.codec.words import WIRE, own


def own_body(request: Request, losses: Losses | None = None) -> Json:
    """The body, with all its fields. What is of another vendor is left out, and named in `losses`."""
    body: Json = dict(own.rest_of(request.extra))
    if request.system:
        body["system"] = content_json(request.system[0].blocks)
    if request.turns:
        turns = ((turn, without_foreign(turn, losses)) for turn in request.turns)
        body["messages"] = [message_json(kept) for turn, kept in turns if kept.blocks or not turn.blocks]
    body |= _plain(request)
    if request.tools is not None:
        body["tools"] = [tool_json(tool) for tool in request.tools]
    if (choice := choice_json(request.choice, request.parallel_calls)) is not None:
        body["tool_choice"] = choice
    if request.caching.mark is not None:
        body[CACHE] = mark_json(request.caching.mark)
    if request.service_tier is not None:
        body["service_tier"] = own.spelled(request.extra, "tier") or request.service_tier
    return body | _settings(request)


def _plain(request: Request) -> Json:
    made: Json = {}
    for name, plain in PLAIN.items():
        value = getattr(request if plain.group == "request" else getattr(request, plain.group), plain.name)
        if value is not None and (value or name != "model"):
            made[name] = value
    if request.limits.stop is not None:
        made["stop_sequences"] = list(request.limits.stop)
    metadata = own.spelled(request.extra, "metadata")
    if request.user is not None or metadata is not None:
        made["metadata"] = ({} if request.user is None else {"user_id": request.user}) | (metadata or {})
    return made


def _settings(request: Request) -> Json:
    older = bool(own.spelled(request.extra, "older"))
    said = {
        "thinking": thinking_json(request.thinking),
        "output_config": config_json(request.thinking, request.output, older=older),
    }
    made = {name: value for name, value in said.items() if value is not None}
    if older and request.output.format is not None:
        made[OLDER] = format_json(request.output.format)
    return made


def without_foreign(turn: Turn, losses: Losses | None) -> Turn:
    """The turn without what only another vendor can read."""
    if not any(map(_is_marked, turn.blocks)):
        return turn
    kept: list[Block] = []
    for block in turn.blocks:
        if isinstance(block, Reasoning) and _is_marked(block):
            if losses is not None:
                losses.whole(block)
        elif isinstance(block, Text) and block.citations:
            citations = tuple(one for one in block.citations if not _is_made(one.extra))
            kept.append(msgspec.structs.replace(block, citations=citations))
        else:
            kept.append(block)
    return msgspec.structs.replace(turn, blocks=tuple(kept))


def _is_marked(block: Block) -> bool:
    if isinstance(block, Reasoning):
        foreign = any(one is not None and one.wire is not WIRE for one in (block.signature, block.sealed))
        return foreign or own.spelled(block.extra, "unsigned") is not None
    return isinstance(block, Text) and any(_is_made(one.extra) for one in block.citations)


def _is_made(extra: Extra | None) -> bool:
    """Whether a citation was made here of another wire's."""
    index = own.rest_of(extra).get("encrypted_index")
    return isinstance(index, str) and index.startswith(PREFIX)
