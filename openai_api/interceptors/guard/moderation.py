"""What does a moderation model say of a text? Of requests and whole answers at once, of streams window by window.

Format: OpenAI's moderations, which the gateway makes of other providers', too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from openai_api.errors import ApiError
from openai_api.hooks.context import HookContext
from openai_api.hooks.event import StreamEvent
from openai_api.interceptors.guard.pieces import Piece, in_event
from openai_api.interceptors.guard.rules import Action, Where
from providers.capabilities import Capability
from providers.types import Wire

MOST_EVENTS = 400
OVERLAP = 500
"""Characters before a window that are asked about with it."""


class Moderation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which model is asked, and what its answer means."""

    model: Annotated[str, msgspec.Meta(description="A model of the catalog that can moderate.", min_length=1)]
    thresholds: Annotated[
        dict[str, float], msgspec.Meta(description="Category and the score from which on it counts; none: what the model flags.")
    ] = {}
    action: Annotated[Action, msgspec.Meta(description="deny or log.")] = Action.DENY
    where: Annotated[Where, msgspec.Meta(description="request, answer or both.")] = Where.BOTH
    roles: Annotated[tuple[str, ...], msgspec.Meta(description="Whose texts of a request are asked about.")] = ("user",)
    window: Annotated[int, msgspec.Meta(description="Characters of a stream that are held and asked about together.", ge=50)] = (
        1000
    )
    most: Annotated[int, msgspec.Meta(description="Characters that are asked about, the last ones.", ge=100)] = 20_000
    time_s: Annotated[float, msgspec.Meta(description="Seconds that the model may take.", gt=0, le=60)] = 5.0

    def __post_init__(self) -> None:
        if self.action is Action.REDACT:
            raise ValueError("a moderation model denies or logs")


class ModerationFailed(RuntimeError):
    """The model has not answered, or not in time, or not understandably: a fault of the hook."""


class _Result(msgspec.Struct):
    flagged: bool = False
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Answer(msgspec.Struct):
    results: list[_Result]


_decode = msgspec.json.Decoder(_Answer).decode


class Moderator:
    """Asks the model of some options."""

    def __init__(self, options: Moderation) -> None:
        self.options = options

    def at(self, where: Where) -> bool:
        return self.options.where in (where, Where.BOTH)

    def text_of(self, pieces: Iterable[Piece]) -> str:
        """What is asked about of a request."""
        return "\n\n".join(piece.text for piece in pieces if piece.role in self.options.roles)

    async def judge(self, context: HookContext, text: str) -> str:
        """The category for which the text counts, "" for none. Raises `ModerationFailed`."""
        text = text[-self.options.most :]
        if not text.strip():
            return ""
        body: Mapping[str, Any] = {"model": self.options.model, "input": text}
        try:
            async with asyncio.timeout(self.options.time_s):
                answer = await context.ask(Capability.MODERATION, Wire.OPENAI_MODERATION, body)
            return next((found for result in _decode(answer).results if (found := self._category(result))), "")
        except (ApiError, TimeoutError, msgspec.DecodeError) as error:
            raise ModerationFailed(f"{self.options.model}: {type(error).__name__}: {error}") from error

    def _category(self, result: _Result) -> str:
        if not self.options.thresholds:
            return next((name for name, is_met in result.categories.items() if is_met), "flagged") if result.flagged else ""
        for name, threshold in self.options.thresholds.items():
            score = result.category_scores.get(name)
            if (score is not None and score >= threshold) or (score is None and result.categories.get(name)):
                return name
        return ""


class Windows:
    """The events of a stream, held until the model has been asked about their texts."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._held: list[StreamEvent] = []
        self._texts: list[str] = []
        self._size = 0
        self._before = ""

    def add(self, events: Iterable[StreamEvent]) -> bool:
        """Holds the events; whether there is enough to ask about."""
        for event in events:
            self._held.append(event)
            body = event.body
            for piece in in_event(event.wire, body) if isinstance(body, dict) else ():
                if piece.row.grows:
                    self._texts.append(piece.text)
                    self._size += len(piece.text)
        return self._size >= self._window or len(self._held) >= MOST_EVENTS

    @property
    def text(self) -> str:
        """What is to be asked about, with a little of what was before."""
        return self._before + "".join(self._texts) if self._texts else ""

    def passed(self) -> list[StreamEvent]:
        """The events, which may go on."""
        self._before = self.text[-OVERLAP:] if self._texts else self._before
        held, self._held, self._texts, self._size = self._held, [], [], 0
        return held
