"""What does a model of Bedrock answer?

Format: `bedrock-runtime` of botocore 1.44.8, `ConverseResponse`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.canonical.answer import Answer, Choice
from providers.canonical.blocks import Block, ToolCall, Turn
from providers.canonical.extra import Json
from providers.canonical.functions import as_sent
from providers.canonical.leftovers import left, taken
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.bedrock_converse.codec.answers.stops import stop_of
from providers.wire.bedrock_converse.codec.answers.usage import used_in
from providers.wire.bedrock_converse.codec.requests.decode import turn_of
from providers.wire.bedrock_converse.codec.words import WIRE, WORDS, own

MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that the format gives it."""
SILENT = ("metrics", "performanceConfig")
"""Fields that say nothing of the answer."""


def decode_answer(body: Json, sent: SentTools = NOTHING_SENT) -> Answer:
    """The answer. Raises `InvalidResponse` for one that cannot be read."""
    try:
        return _answer(body, sent)
    except MISFITS as error:
        raise InvalidResponse("the answer cannot be read") from error


def _answer(body: Json, sent: SentTools) -> Answer:
    rest = dict(body)
    turn, outer = _turn(rest, sent)
    reason = taken(rest, "stopReason", str) or ""
    used = used_in(rest.get("usage"), ("usage",))
    if used is not None:
        del rest["usage"]
    tier = tier_in(rest)
    choice = Choice(turns=(turn,), stop=stop_of(reason, ("stopReason",)) if reason else None)
    extra = own.extra_of(rest, left(rest, silent=SILENT), spelled={"output": outer} if outer else {})
    return Answer(wire=WIRE, words=WORDS, choices=(choice,), used=used, service_tier=tier, extra=extra)


def tier_in(rest: Json) -> str | None:
    """The service tier, taken out."""
    tier = rest.get("serviceTier")
    if isinstance(tier, dict) and tier.keys() == {"type"} and type(tier["type"]) is str:
        del rest["serviceTier"]
        return str(tier["type"])
    return None


def _turn(rest: Json, sent: SentTools) -> tuple[Turn, Json]:
    """What was said, and what stands beside it in the output."""
    output = rest.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    if not isinstance(output, dict) or not isinstance(message, dict) or not isinstance(message.get("content"), list):
        raise InvalidResponse("the answer has no message")
    del rest["output"]
    turn = turn_of(message, ("output", "message"), answer=True)
    outer = {name: value for name, value in output.items() if name != "message"}
    fields: dict[str, Any] = {name: getattr(turn, name) for name in ("role", "called", "place", "extra")}
    return Turn(**fields, blocks=tuple(_as_known(turn.blocks, sent))), outer


def _as_known(blocks: tuple[Block, ...], sent: SentTools) -> Iterator[Block]:
    """The blocks, with calls as the client knows them."""
    for block in blocks:
        made = as_sent(block, sent) if isinstance(block, ToolCall) else block
        if made is not None:
            yield made
