"""What is noted of what a call has used? The tokens and the tier that its upstream told, the units that it did not, or a guess.

A guess is made where text was served and nobody told its tokens, or the stream was cut off before anybody could: four bytes of
text count as one token in, a file as what upstreams bill for one, each event of a stream that stands for a token as one out.
"""

from __future__ import annotations

import msgspec

from models_catalog.bounds import NANO
from models_catalog.tariffs import STANDARD_TIERS
from openai_api.errors import Headers
from openai_api.recording.costs import cost_of
from openai_api.recording.events import Record
from openai_api.spending.most import IMAGES, characters_of, guessed_input
from providers.bytes.patch import Fields
from providers.capabilities import Capability
from providers.types import Call, Usage
from providers.wire.openai.usage import estimated_tokens

GUESSED = frozenset({Capability.CHAT, Capability.COMPLETION, Capability.RESPONSES})
"""What is answered in tokens of text, so that bytes tell something."""
BACKGROUND = " (background)"
"""At the end of the path of a response that is made in the background."""
MADE = frozenset({*IMAGES, Capability.TEXT_TO_SPEECH})
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


def note(record: Record, call: Call, usage: Usage | None, *, images: int = 0) -> None:
    """Notes what the upstream has told. `images` are those that were made."""
    if usage is not None and call.capability in MADE:
        usage = _as_media(call.capability, usage)
    record.usage = usage
    units: dict[str, float] = {}
    if usage is not None:
        record.service_tier = tier_of(usage)
        if usage.audio_seconds:
            units["audio_second"] = usage.audio_seconds
        if usage.searches:
            units["request"] = usage.searches
        if units and not (usage.input_tokens or usage.output_tokens):
            record.usage = None
    if images:
        units["image"] = images
    if call.capability is Capability.TEXT_TO_SPEECH:
        units["character"] = characters_of(call)
    if units:
        record.units = units


def tier_of(usage: Usage) -> str:
    """The tier that served as rows have it, "" for the standard one."""
    tier = usage.service_tier.lower()
    return "" if tier in STANDARD_TIERS else tier[:20]


def note_whole(record: Record, call: Call, usage: Usage | None, body: bytes, fields: Fields | None, *, told: bool) -> None:
    """Notes what a whole answer used. Not `told`: the tokens in it are a guess of ours, of what is not billed."""
    images = _made(fields) if call.capability in IMAGES and fields is not None else 0
    note(record, call, usage, images=images)
    if usage is None and told and _may_guess(record, call):
        _guess(record, call, estimated_tokens(len(body)))


def note_stream(record: Record, call: Call, usage: Usage | None, deltas: int, *, images: int, whole: bool) -> None:
    """Notes what a stream used, as far as it came: one that was cut off has told too little, or nothing."""
    record.events = deltas
    note(record, call, usage, images=images)
    if not _may_guess(record, call):
        return
    if usage is None:
        _guess(record, call, deltas)
    elif not whole and deltas > usage.output_tokens:
        record.usage, record.estimated = msgspec.structs.replace(usage, output_tokens=deltas), True


def cost_header(record: Record) -> Headers:
    """The header that tells the cost of an answer in US dollars; none where it is not known, or guessed."""
    if record.estimated or record.counted_apart or (cost := cost_of(record)) is None:
        return ()
    return ((b"x-gateway-cost-usd", _dollars(cost)),)


def _dollars(nano: int) -> bytes:
    """All decimals that are not zeros."""
    whole, rest = divmod(nano, NANO)
    return b"%d" % whole if not rest else (b"%d.%09d" % (whole, rest)).rstrip(b"0")


def _may_guess(record: Record, call: Call) -> bool:
    """Whether text was made. A record without a capability is of a request that makes nothing, or of the background."""
    makes = call.capability in GUESSED and not record.counted_apart
    return makes and (record.capability is not None or record.path.endswith(BACKGROUND))


def _guess(record: Record, call: Call, received: int) -> None:
    record.usage, record.estimated = Usage(guessed_input(call), received), True


def _as_media(capability: Capability, usage: Usage) -> Usage:
    """Tokens out are of sound, or of pictures, where nobody says of what they are."""
    made = "audio_output_tokens" if capability is Capability.TEXT_TO_SPEECH else "image_output_tokens"
    return usage if getattr(usage, made) else msgspec.structs.replace(usage, **{made: usage.output_tokens})


def _made(fields: Fields) -> int:
    try:
        return len(_items(fields.raw("data") or b"[]"))
    except msgspec.DecodeError:
        return 0
