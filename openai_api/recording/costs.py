"""What did a request cost? Its tokens and units, at the prices that held when it was served.

The sum is exact, in picodollars, and rounded once, to whole billionths of a dollar, halves up. Each token is billed once: kinds
that are part of others are taken out of them, and where kinds overlap and nobody says how, those from the cache go before those
written to it, and these before sound and pictures.

| not given | is billed as |
|---|---|
| `cached`, `cache_write`, `audio_input`, `image_input` | `input` |
| `cached_audio` | `cached`, else `audio_input`, else `input` |
| `cache_write_1h` | `cache_write`, else `input` |
| `reasoning`, `audio_output`, `image_output` | `output` |

Seconds, characters and images are billed where the tokens of that side are not told, or have no price: what one vendor bills by
the token another bills by the piece. What was used and has no price at all makes the cost unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models_catalog.bounds import NANO
from models_catalog.tariffs import NO_RATES, PICO, Rates
from openai_api.recording.events import Record
from providers.capabilities import Capability
from providers.types import Usage
from providers.wire.openai.usage import estimated_tokens

STEP = PICO // NANO
MICRO = 10**6
"""Parts of a second that are counted."""
SERVED_HERE = frozenset({"hit", "joined", "repeated"})
"""Answers that no upstream was asked for: the first of those that share a call pays for it."""
ESTIMATED = frozenset({Capability.CHAT, Capability.COMPLETION, Capability.EMBEDDING, Capability.RESPONSES})
"""What is billed by tokens of text, so that bytes tell something."""
BEFORE, AFTER = ("audio_second", "character"), ("image",)
"""Units that are billed in place of tokens in and out."""

Parts = Iterable[tuple[int, int | None]]
"""Amounts with their rates."""
NOTHING_USED = Usage()


def used(record: Record) -> tuple[Usage | None, bool]:
    """What the request used, None where that is not known or told elsewhere; and whether it is a guess."""
    if record.counted_apart:
        return None, False
    if record.usage is not None or record.served_model is None or record.capability not in ESTIMATED:
        return record.usage, record.estimated
    return Usage(input_tokens=estimated_tokens(record.body_bytes), output_tokens=record.events), True


def cost_of(record: Record) -> int | None:
    """Billionths of a US dollar; None when it is not known: nothing was served, or something that was used has no price."""
    if record.cache in SERVED_HERE:
        return 0
    if record.prices is None or record.counted_apart:
        return None
    pico = billed(record.prices.of(record.service_tier), used(record)[0], record.units)
    return None if pico is None else nano(pico)


def nano(pico: int) -> int:
    """Whole billionths of picodollars, halves up."""
    return (pico + STEP // 2) // STEP


def billed(rates: Rates, usage: Usage | None, units: Mapping[str, float]) -> int | None:
    """Picodollars; None when something that was used has no price, or nothing is known of what was used."""
    if rates == NO_RATES:
        return None
    if rates.over and usage is not None:
        rates = rates.at(usage.input_tokens)
    sent, received = rates.input, rates.output
    if usage is not None and sent is not None and received is not None and not units and _is_plain(usage):
        return usage.input_tokens * sent + usage.output_tokens * received + (rates.request or 0)
    by_tokens = rates.has_token_rates()
    tokens = usage if usage is not None and by_tokens else NOTHING_USED
    before = _either(tokens.input_tokens, _sum(_input(rates, tokens)), _pieces(rates, units, BEFORE))
    after = _either(tokens.output_tokens, _sum(_output(rates, tokens)), _pieces(rates, units, AFTER))
    is_told = (by_tokens and usage is not None) or any(units.get(name) for name in (*BEFORE, *AFTER)) or rates.is_by_request()
    if before is None or after is None or not is_told:
        return 0 if rates.is_free() else None
    return before + after + _amount(units.get("request", 1)) * (rates.request or 0) // MICRO


def _is_plain(usage: Usage) -> bool:
    """Whether all its tokens are of the commonest kinds."""
    before = usage.cached_tokens or usage.cache_write_tokens or usage.audio_input_tokens or usage.image_input_tokens
    return not (before or usage.reasoning_tokens or usage.audio_output_tokens or usage.image_output_tokens)


def _either(count: int, cost: int | None, pieces: Parts) -> int | None:
    """What the tokens of one side cost; where none are told, or they have no price, what was used by the piece does."""
    if count and cost is not None:
        return cost
    used_pieces = tuple(pieces)
    if not used_pieces:
        return cost
    found = _sum(used_pieces)
    return None if found is None else found // MICRO


def _pieces(rates: Rates, units: Mapping[str, float], names: Iterable[str]) -> Parts:
    return ((_amount(number), getattr(rates, name)) for name in names if (number := units.get(name)))


def _amount(number: float) -> int:
    """Millionths of a unit: seconds come with a fraction."""
    return round(number * MICRO)


def _sum(parts: Parts) -> int | None:
    """Picodollars; None when something has no rate."""
    total = 0
    for number, rate in parts:
        if number:
            if rate is None:
                return None
            total += number * rate
    return total


def _first(*rates: int | None) -> int | None:
    return next((rate for rate in rates if rate is not None), None)


def _input(rates: Rates, usage: Usage) -> Parts:
    """The tokens in by kind, each once, with their rates."""
    plain, rest = rates.input, usage.input_tokens
    if not (usage.cached_tokens or usage.cache_write_tokens or usage.audio_input_tokens or usage.image_input_tokens):
        return ((rest, plain),)
    cached = min(usage.cached_tokens, rest)
    cached_audio = min(usage.cached_audio_tokens, cached)
    written = min(usage.cache_write_tokens, rest - cached)
    written_1h = min(usage.cache_write_1h_tokens, written)
    rest -= cached + written
    audio = min(max(usage.audio_input_tokens - cached_audio, 0), rest)
    image = min(usage.image_input_tokens, rest - audio)
    return (
        (rest - audio - image, plain),
        (cached - cached_audio, _first(rates.cached, plain)),
        (cached_audio, _first(rates.cached_audio, rates.cached, rates.audio_input, plain)),
        (written - written_1h, _first(rates.cache_write, plain)),
        (written_1h, _first(rates.cache_write_1h, rates.cache_write, plain)),
        (audio, _first(rates.audio_input, plain)),
        (image, _first(rates.image_input, plain)),
    )


def _output(rates: Rates, usage: Usage) -> Parts:
    """The tokens out by kind, each once, with their rates."""
    plain, rest = rates.output, usage.output_tokens
    if not (usage.reasoning_tokens or usage.audio_output_tokens or usage.image_output_tokens):
        return ((rest, plain),)
    audio = min(usage.audio_output_tokens, rest)
    image = min(usage.image_output_tokens, rest - audio)
    thought = min(usage.reasoning_tokens, rest - audio - image)
    return (
        (rest - audio - image - thought, plain),
        (audio, _first(rates.audio_output, plain)),
        (image, _first(rates.image_output, plain)),
        (thought, _first(rates.reasoning, plain)),
    )
