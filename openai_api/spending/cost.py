"""What does a call cost, and what may it cost at most? In whole billionths of a US dollar.

`cost_of` says it of a request that has ended (see `openai_api/recording/costs.py`, which every row, metric and event asks, too),
`most_of` before it is sent: it is what budgets hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from time import time

import msgspec

from models_catalog.snapshot import ModelEntry
from models_catalog.tariffs import Rates
from openai_api.recording.costs import STEP, billed, cost_of
from openai_api.spending.most import Most, most_used
from providers.types import Call, Target, Usage

__all__ = ["cost_of", "most_of"]
MODALITIES = (b'"modalities"', b"esponseModalities")
"""What stands in a request that may be answered with sound or pictures."""
TEXT_IN, FILES_IN = ("input", "cache_write", "cache_write_1h"), ("audio_input", "image_input")
TEXT_OUT, MEDIA_OUT = ("output", "reasoning"), ("audio_output", "image_output")


def most_of(
    call: Call, entry: ModelEntry, *, path: str = "", target: Target | None = None, now: float | None = None
) -> int | None:
    """The most that the call is likely to cost, rounded up: all that it sends, and the longest answer that it asks for, else the
    model's `most_output_tokens`, at the dearest of the model's targets, or at `target`. None where a price is not known. `path`
    is that of the request, `now` is in seconds since the epoch."""
    most = most_used(call, entry, path)
    moment = time() if now is None else now
    media = MODALITIES[0] in call.body or MODALITIES[1] in call.body
    tier = _tier(call)
    found, before = -1, None
    for one in entry.targets.get(call.capability, ()) if target is None else (target,):
        prices = entry.prices.at(moment, one.id)
        if prices is before:
            continue  # most routes have the prices of their model
        before = prices
        for rates in _possible((prices.standard, prices.of(tier)) if tier else (prices.standard,), most.input_tokens):
            cost = _most(rates, most, media=media)
            if cost is None:
                return None
            found = max(found, cost)
    return None if found < 0 else found


def _possible(rates: Iterable[Rates], most: int) -> Iterator[Rates]:
    """With those of longer requests, as far as this one may be one."""
    for one in rates:
        yield one
        yield from (longer for over, longer in one.over if most > over)


def _tier(call: Call) -> str:
    """The tier that the request asks for; it may be served by the standard one all the same."""
    raw = call.fields.raw("service_tier") if call.form is None else None
    return raw[1:-1].decode("utf-8", "replace") if raw and raw.startswith(b'"') else ""


def _most(rates: Rates, most: Most, *, media: bool) -> int | None:
    """Billionths, rounded up: every token at the highest rate that it may have."""
    worst = _worst(rates, most.files, media or bool(most.units))
    if not most.units and worst.input is not None and worst.output is not None:
        return -(-(most.input_tokens * worst.input + most.output_tokens * worst.output + (worst.request or 0)) // STEP)
    usage = Usage(most.input_tokens, most.output_tokens)
    pico = [cost for told in (usage, None) if (cost := billed(worst, told, most.units)) is not None]
    return -(-max(pico) // STEP) if pico else None


@lru_cache(maxsize=1024)
def _worst(rates: Rates, files: bool, media: bool) -> Rates:
    """Rates with the highest in place of those of plain tokens."""
    higher = {
        "input": _highest(rates, (*TEXT_IN, *(FILES_IN if files else ()))),
        "output": _highest(rates, (*TEXT_OUT, *(MEDIA_OUT if media else ()))),
    }
    return msgspec.structs.replace(rates, over=(), **higher)


def _highest(rates: Rates, names: Iterable[str]) -> int | None:
    return max((rate for name in names if (rate := getattr(rates, name)) is not None), default=None)
