"""What does a whole response say?

Format: OpenAI's OpenAPI document of November 2026, `/responses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.canonical.answer import Answer, Choice, Failure, Stop, StopReason
from providers.canonical.blocks import ToolCall, Turn
from providers.canonical.extra import Json
from providers.canonical.leftovers import taken
from providers.canonical.tools import NOTHING_SENT, SentTools
from providers.errors import InvalidResponse
from providers.wire.openai.told_failure import failure_told
from providers.wire.openai_responses.codec.answers.usage import used_in
from providers.wire.openai_responses.codec.items import turn_of
from providers.wire.openai_responses.codec.words import WIRE, WORDS, own

STATUSES = ("completed", "incomplete", "failed", "cancelled")
"""With which a response has ended."""
INCOMPLETE: Mapping[Any, StopReason] = MappingProxyType(
    {"max_output_tokens": StopReason.LENGTH, "content_filter": StopReason.FILTER}
)
MISFITS = (AttributeError, TypeError, KeyError, ValueError, IndexError)
"""What comes of a value that has not the type that the format gives it."""
HEAD: Mapping[str, tuple[str, type]] = MappingProxyType(
    {"id": ("id", str), "model": ("model", str), "created_at": ("created", int), "completed_at": ("completed", int),
     "service_tier": ("service_tier", str)}
)  # fmt: skip
NOT_COMPLETED: Json = {"message": "The response was not completed."}


def decode_answer(body: Json, sent: SentTools = NOTHING_SENT) -> Answer:
    """The answer. Raises `InvalidResponse` for one that has not ended or cannot be read."""
    status = body.get("status") or "completed"
    if status not in STATUSES:
        raise InvalidResponse(f"the response is {str(status)[:20]}")
    try:
        return _answer(body, status)
    except MISFITS as error:
        raise InvalidResponse("the answer cannot be read") from error


def _answer(body: Json, status: str) -> Answer:
    rest = dict(body)
    head = head_of(rest)
    output = rest.get("output")
    turns: tuple[Turn, ...] = ()
    if output and type(output) is not list:
        raise InvalidResponse("the output is no list")
    if type(output) is list:
        turns = tuple(turn_of(item, ("output", number), answer=True) for number, item in enumerate(rest.pop("output")))
    used = used_in(rest.get("usage"), ("usage",))
    if used is not None:
        del rest["usage"]
    extra = own.extra_of(rest, spelled={"output": True} if type(output) is list else {})
    choice = Choice(turns=turns, stop=stop_of(body, status, called=_calls(turns)))
    return Answer(
        wire=WIRE, words=WORDS, **head, choices=(choice,), used=used, failure=failure_of_body(body, status), extra=extra
    )


def head_of(rest: Json) -> Json:
    """What identifies an answer, taken out of the rest."""
    said = {canonical: taken(rest, name, kind) for name, (canonical, kind) in HEAD.items()}
    return {name: value for name, value in said.items() if value is not None}


def _calls(turns: tuple[Turn, ...]) -> bool:
    return any(isinstance(block, ToolCall) for turn in turns for block in turn.blocks)


def stop_of(body: Json, status: str, *, called: bool) -> Stop:
    """Why it stopped."""
    if status == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason")
        return Stop(reason=INCOMPLETE.get(reason, StopReason.OTHER), called=str(reason or status))
    if status != "completed":
        return Stop(reason=StopReason.FAILED if status == "failed" else StopReason.CANCELLED, called=status)
    return Stop(reason=StopReason.CALLS if called else StopReason.END, called=status)


def failure_of_body(body: Json, status: str) -> Failure | None:
    """The failure of a response that has not been completed."""
    if status not in ("failed", "cancelled"):
        return None
    return failure_told(body.get("error") or NOT_COMPLETED, WIRE)
