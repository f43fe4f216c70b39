"""What does a stream tell, piece by piece?

    Started  (TurnStarted? (BlockStarted delta* BlockEnded)* TurnEnded?)*  UsageTold*  Finished  (one for each choice)  Ended
                                                                   or, at any point,  Failed

`block` numbers the blocks of a choice from 0, in the order in which they begin; blocks of calls may be open side by side (chat,
with parallel calls), any other block ends when the next one begins. Turns are told by wires that have items (Responses); in
others each choice is one turn, begun with the first block. `UsageTold` may come at any point, also after `Finished`, and the
last one counts: its numbers are sums.

A decoder gives the events of one frame together, and an encoder takes them so: one frame becomes one frame again.
"""

from __future__ import annotations

from typing import TypeAlias

from providers.canonical.answer import Answer, Failure, Stop, Used
from providers.canonical.blocks import Block, Citation, TokenLogprob, Turn
from providers.canonical.extra import Extra, Value
from providers.canonical.signature import Signature


class Started(Value, frozen=True, gc=False):
    """The answer so far: its id, model and the like, without choices."""

    answer: Answer


class TurnStarted(Value, frozen=True, gc=False):
    """`turn` has no blocks yet; `number` counts the turns of the choice from 0."""

    number: int
    turn: Turn
    choice: int = 0


class TurnEnded(Value, frozen=True, gc=False):
    """`turn` is as at its start, with what its end told anew (a status), and without blocks."""

    number: int
    turn: Turn
    choice: int = 0


class BlockStarted(Value, frozen=True, gc=False):
    """`value` is the block as far as it is known: a call has its name and id, and no arguments. One that comes whole (a
    picture, an opaque block) has everything, and no deltas."""

    block: int
    value: Block
    choice: int = 0


class TextDelta(Value, frozen=True, gc=False):
    """Of a text or a refusal, as the block says. `whole` says that the wire told it only where it told the whole text, at the
    end."""

    block: int
    text: str
    choice: int = 0
    logprobs: tuple[TokenLogprob, ...] | None = None
    whole: bool = False
    extra: Extra | None = None


class ReasoningDelta(Value, frozen=True, gc=False):
    """Of thoughts, or of their summary, as the block says."""

    block: int
    text: str
    choice: int = 0
    whole: bool = False
    extra: Extra | None = None


class ArgumentsDelta(Value, frozen=True, gc=False):
    """Of a call, hosted or not: text, as in the block."""

    block: int
    text: str
    choice: int = 0
    whole: bool = False
    extra: Extra | None = None


class SignatureDelta(Value, frozen=True, gc=False):
    """The signature of the block, whole, in one piece. `sealed`: it is the thoughts themselves."""

    block: int
    signature: Signature
    choice: int = 0
    sealed: bool = False
    extra: Extra | None = None


class CitationDelta(Value, frozen=True, gc=False):
    """One more citation of a text."""

    block: int
    citation: Citation
    choice: int = 0
    extra: Extra | None = None


class MediaDelta(Value, frozen=True, gc=False):
    """More of a sound or a picture: base64 to be joined after decoding, and what is said in the sound."""

    block: int
    data: str = ""
    transcript: str = ""
    choice: int = 0
    extra: Extra | None = None


class BlockEnded(Value, frozen=True, gc=False):
    """Nothing more comes of the block. `extra` is what its end told beyond the sum of its deltas."""

    block: int
    choice: int = 0
    extra: Extra | None = None


class UsageTold(Value, frozen=True, gc=False):
    """What was used until now."""

    used: Used


class Finished(Value, frozen=True, gc=False):
    """Why a choice has stopped."""

    stop: Stop
    choice: int = 0


class Ended(Value, frozen=True, gc=False):
    """The answer is whole. `answer` is as in `Started`, with what its end told anew (a service tier, a time)."""

    answer: Answer | None = None
    extra: Extra | None = None


class Failed(Value, frozen=True, gc=False):
    """It cannot go on."""

    failure: Failure
    extra: Extra | None = None


class Beside(Value, frozen=True, gc=False):
    """What a frame told beside the answer: a sign of life, what its own wire repeats in every frame, how far a hosted tool has
    come. Only its own wire writes it; the others name what of it says something (`extra.lost`)."""

    extra: Extra
    choice: int | None = None
    block: int | None = None


Event: TypeAlias = (
    Started
    | TurnStarted
    | TurnEnded
    | BlockStarted
    | TextDelta
    | ReasoningDelta
    | ArgumentsDelta
    | SignatureDelta
    | CitationDelta
    | MediaDelta
    | BlockEnded
    | UsageTold
    | Finished
    | Ended
    | Failed
    | Beside
)
