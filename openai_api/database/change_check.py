"""What would a change of the catalog mean for requests like the latest ones? Which would fail now, and which would cost more.

Both catalogs are compiled from the database, the changed one in a transaction that is rolled back. Nothing is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from time import time
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum

from models_catalog.change_sets.objects import edited
from models_catalog.change_sets.sets import edits_of
from models_catalog.changes.apply import apply
from models_catalog.changes.state import load
from models_catalog.compiler import compile_snapshot
from models_catalog.models import ChangeSet
from models_catalog.snapshot import MODEL_PREFIX, CatalogSnapshot, ModelEntry
from models_catalog.tariffs import PICO
from openai_api.models import UsageRecord
from openai_api.recording.costs import SERVED_HERE, billed
from providers.capabilities import Capability
from providers.types import Target, Usage

LATEST = 10_000
"""Requests that are looked at where nobody says how many."""
CAPABILITIES = {
    "/v1/completions": Capability.COMPLETION,
    "/v1/embeddings": Capability.EMBEDDING,
    "/api/embed": Capability.EMBEDDING,
    "/api/embeddings": Capability.EMBEDDING,
    "/v1/moderations": Capability.MODERATION,
    "/v1/rerank": Capability.RERANK,
    "/v1/audio/transcriptions": Capability.AUDIO_TRANSCRIPTION,
    "/v1/audio/translations": Capability.AUDIO_TRANSLATION,
    "/v1/audio/speech": Capability.TEXT_TO_SPEECH,
    "/v1/images/generations": Capability.IMAGE_GENERATION,
    "/v1/images/edits": Capability.IMAGE_EDIT,
    "/v1/images/variations": Capability.IMAGE_VARIATION,
}
"""Paths of other things than conversations."""
SUMMED = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cache_write_tokens",
    "audio_tokens",
    "image_tokens",
)
MAKE = frozenset({Capability.TEXT_TO_SPEECH, Capability.IMAGE_GENERATION, Capability.IMAGE_EDIT, Capability.IMAGE_VARIATION})
"""Capabilities whose answers are sound or pictures."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests of one kind: those of a key for a model, of one service tier, with what they used in all: tokens, None where no
    upstream told any, and units that are billed by the piece. `free` says that no upstream was asked."""

    key: str
    model: str
    capability: Capability
    requests: int
    usage: Usage | None
    units: Mapping[str, float] = field(default_factory=dict)
    tier: str = ""
    free: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes for requests of one model and capability. `fault` says why they would fail; costs are US dollars by the first
    route, None where they are not known."""

    model: str
    capability: str
    requests: int
    keys: int
    fault: str = ""
    before_usd: Decimal | None = None
    after_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """`looked_at` requests were looked at; `failing` would fail and do not now, `dearer` would cost more, or an unknown sum."""

    looked_at: int
    failing: tuple[Effect, ...] = ()
    dearer: tuple[Effect, ...] = ()
    cheaper: tuple[Effect, ...] = ()


def check(row: ChangeSet, latest: int = LATEST) -> Report:
    """Looks at the latest recorded requests, tests left out. Raises `CannotChange`."""
    asked = list(asked_lately(latest))
    before = compile_snapshot()
    with transaction.atomic():
        now = load()
        apply(now, edited(now, edits_of(row)))
        after = compile_snapshot()
        transaction.set_rollback(True)
    return compared(asked, before, after)


def asked_lately(latest: int) -> Iterator[Asked]:
    """The latest requests by key, model, path and what else decides of their price."""
    newest = UsageRecord.objects.filter(test=False, model__isnull=False).order_by("-started_at").values("pk")[:latest]
    rows: Any = UsageRecord.objects.filter(pk__in=newest).order_by()
    sums = {f"{name}_": Sum(name) for name in SUMMED}
    for one in rows.values("client_id", "model", "path", "service_tier", "units", "cache").annotate(requests=Count("pk"), **sums):
        able, count = _capability(one["path"]), one["requests"]
        units = {name: value * count for name, value in json.loads(one["units"] or "{}").items()}
        tier, free = one["service_tier"] or "", one["cache"] in SERVED_HERE
        yield Asked(one["client_id"] or "", one["model"], able, count, _usage(able, one), units, tier, free)


def _usage(capability: Capability, sums: Mapping[str, Any]) -> Usage | None:
    """The tokens of a sum. Rows do not tell tokens of sound and pictures in from those out: what makes them has them out."""
    if sums["input_tokens_"] is None and sums["output_tokens_"] is None:
        return None
    told = {name: int(sums[f"{name}_"] or 0) for name in SUMMED}
    audio, image = told.pop("audio_tokens"), told.pop("image_tokens")
    side = "output" if capability in MAKE else "input"
    kinds = {f"audio_{side}_tokens": audio, f"image_{side}_tokens": image}
    return Usage(**{name: min(number, told[f"{side}_tokens"]) for name, number in kinds.items()}, **told)  # type: ignore[arg-type]


def _capability(path: str) -> Capability:
    if path in CAPABILITIES:
        return CAPABILITIES[path]
    if path.startswith("/v1/responses"):
        return Capability.RESPONSES
    return Capability.EMBEDDING if "mbedContent" in path else Capability.CHAT


def compared(asked: Iterable[Asked], before: CatalogSnapshot, after: CatalogSnapshot) -> Report:
    """The effects of a change on such requests; those of one model and capability together."""
    failing: dict[tuple[str, str, str], list[Asked]] = {}
    priced: dict[tuple[str, str], list[tuple[Asked, Decimal | None, Decimal | None]]] = {}
    count = 0
    for one in asked:
        count += one.requests
        old, new = _served(before, one), _served(after, one)
        if isinstance(old, str):
            continue
        if isinstance(new, str):
            failing.setdefault((one.model, one.capability, new), []).append(one)
            continue
        costs = _cost(*old, one), _cost(*new, one)
        if costs[0] != costs[1]:
            priced.setdefault((one.model, one.capability), []).append((one, *costs))
    faults = tuple(_effect(model, capability, ones, fault) for (model, capability, fault), ones in failing.items())
    effects = [_priced(*key, found) for key, found in priced.items()]
    dearer = tuple(one for one in effects if _is_dearer(one))
    return Report(count, faults, dearer, tuple(one for one in effects if one not in dearer))


def _served(catalog: CatalogSnapshot, asked: Asked) -> tuple[ModelEntry, Target] | str:
    """The model and the first route of such a request, or why it is refused."""
    client = catalog.client(asked.key) if asked.key else None
    if asked.key and client is None:
        return "the key is not in force"
    name = (client.meant(asked.model) if client else asked.model).removeprefix(MODEL_PREFIX)
    entry = catalog.models.get(name) or catalog.wildcards.find(name)
    if entry is None:
        return f"there is no model {name!r} in service"
    if client is not None and not client.may_use(name):
        return f"the key may not use {name!r}"
    for leg in catalog.chain(entry, asked.capability):
        if targets := leg.targets[asked.capability]:
            return leg, targets[0]
    return f"no route of {name!r} serves {asked.capability.value}"


def _cost(entry: ModelEntry, target: Target, asked: Asked) -> Decimal | None:
    """US dollars for all of them, as each would be billed."""
    if asked.free:
        return Decimal(0)
    rates = entry.prices.at(time(), target.id).of(asked.tier)
    calls = asked.units.get("request", asked.requests)
    pico = billed(rates, asked.usage, {**asked.units, "request": calls})
    return None if pico is None else Decimal(pico) / PICO


def _effect(model: str, capability: str, ones: list[Asked], fault: str) -> Effect:
    return Effect(model, str(capability), sum(one.requests for one in ones), len({one.key for one in ones}), fault)


def _priced(model: str, capability: str, found: list[tuple[Asked, Decimal | None, Decimal | None]]) -> Effect:
    ones = [one for one, _, _ in found]
    old, new = _sum(before for _, before, _ in found), _sum(after for _, _, after in found)
    keys = len({one.key for one in ones})
    return Effect(model, str(capability), sum(one.requests for one in ones), keys, "", old, new)


def _sum(costs: Iterable[Decimal | None]) -> Decimal | None:
    known = list(costs)
    return None if None in known else sum((cost for cost in known if cost is not None), Decimal(0))


def _is_dearer(effect: Effect) -> bool:
    return effect.after_usd is None or (effect.before_usd is not None and effect.after_usd > effect.before_usd)
