"""Which limits is a request held to? Those of its key, of whom the key belongs to, and of its model, each with a counter."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from models_catalog.bounds import Algorithm, Bounds, Counted, LimitRule, counter_of
from models_catalog.snapshot import Client, ModelEntry
from openai_api.errors import ApiError, Headers
from openai_api.limits.admission import Asking
from openai_api.limits.expected import expected
from openai_api.limits.figures import Left
from openai_api.limits.journal import Entry
from openai_api.limits.parts import Seen
from openai_api.limits.store import LOOKED, Counter, Found, Kind, Store, Verdict
from openai_api.limits.told import HEADS, Refused, Tight, openai_head, refusal
from openai_api.recording.costs import used
from openai_api.recording.events import Record

KINDS: Mapping[Algorithm, Kind] = MappingProxyType(
    {Algorithm.FIXED_WINDOW: Kind.FIXED, Algorithm.SLIDING_WINDOW: Kind.SLIDING, Algorithm.TOKEN_BUCKET: Kind.BUCKET}
)
IN_BACKGROUND = "(background)"
"""At the end of the path of what is made in the background: it was admitted when it was asked for."""
MOST_SHAPES = 50_000
REQUESTS, TOKENS, HELD = Counted.REQUESTS, Counted.TOKENS, Kind.HELD
"""Looked up once: members of an enumeration are slow to find in Python 3.11."""


class Shape(NamedTuple):
    """What is always the same of a rule's counters. `ending` sets counters apart that count the same in other ways."""

    rule: LimitRule
    kind: Kind
    ending: str
    shown: int
    """What is told as the limit: a bucket may hold more than flows in."""


def shape_of(rule: LimitRule) -> Shape:
    if rule.counted is Counted.CONCURRENT:
        return Shape(rule, Kind.HELD, ":c", rule.amount)
    kind = KINDS[rule.algorithm]
    shown = max(rule.amount, rule.burst) if kind is Kind.BUCKET else rule.amount
    return Shape(rule, kind, f":{rule.counted.value[0]}{kind.value}{rule.window_s}", shown)


class Limited:
    """What a request takes of its limits: a `Part` of its admission."""

    __slots__ = ("_asking", "_refusals", "_shapes", "counters")

    def __init__(self, shapes: Sequence[Shape], counters: Sequence[Counter], asking: Asking, refusals: Tally[tuple[str, str]]):
        self._shapes = shapes
        self.counters = counters
        self._asking = asking
        self._refusals = refusals

    def head(self, found: Sequence[Found]) -> Headers:
        requests: Tight | None = None
        tokens: Tight | None = None
        for shape, one in zip(self._shapes, found, strict=True):
            counted = shape.rule.counted
            if counted is REQUESTS:
                if requests is None or one.left < requests.left:
                    requests = Tight(shape.shown, one.left, one.reset_ms)
            elif counted is TOKENS and (tokens is None or one.left < tokens.left):
                tokens = Tight(shape.shown, one.left, one.reset_ms)
        return HEADS.get(self._asking.call.wire, openai_head)(requests, tokens)

    def refusal(self, found: Sequence[Found]) -> ApiError:
        for shape, one in zip(self._shapes, found, strict=True):
            if one.wait_ms:
                self._refusals[shape.rule.scope, shape.rule.counted.value] += 1
        return self.told(found)

    def told(self, found: Sequence[Found]) -> ApiError:
        """The words of a refusal, which is not counted."""
        refused = [
            Refused(seen.rule, seen.found.used, seen.takes, seen.found.wait_ms)
            for seen in self.seen(found)
            if seen.found.wait_ms and isinstance(seen.rule, LimitRule)
        ]
        return refusal(refused, self._asking.client.owner, self.head(found))

    def seen(self, found: Sequence[Found]) -> Sequence[Seen]:
        """Each rule with what the request takes of it."""
        rows = zip(self._shapes, self.counters, found, strict=True)
        return [Seen(shape.rule, counter.take, one) for shape, counter, one in rows]

    def begun(self, hold: str) -> Sequence[Entry]:
        return ()

    def admitted(self, hold: str, verdict: Verdict) -> None:
        """Nothing more is to be done."""

    def settled(self, record: Record) -> Sequence[int]:
        tokens = -1
        spent = []
        for shape, counter in zip(self._shapes, self.counters, strict=True):
            if shape.kind is HELD:
                spent.append(0)
            elif shape.rule.counted is REQUESTS:
                spent.append(counter.take)
            else:
                tokens = tokens_of(record, counter.take) if tokens < 0 else tokens
                spent.append(tokens)
        return spent

    def ended(self, used: Sequence[int]) -> Sequence[Entry]:
        return ()


def tokens_of(record: Record, taken: int) -> int:
    """What a request has used; what an upstream makes in the background is not known yet, so the estimate stays."""
    if record.counted_apart:
        return taken if record.attempts else 0
    usage, _ = used(record)
    return 0 if usage is None else usage.input_tokens + usage.output_tokens


class LimitRules:
    """The limits of requests: the `Rules` of this kind. `refusals` counts what was refused, by scope and what is counted."""

    def __init__(self) -> None:
        self.refusals: Tally[tuple[str, str]] = Tally()
        self._shapes: dict[str, Shape] = {}

    def part(self, asking: Asking) -> Limited | None:
        rules = asking.client.bounds.limits
        of_models = asking.catalog.model_bounds
        if of_models:
            rules = rules_with(rules, of_models, asking.entry)
        if not rules or asking.record.counted_apart:
            return None
        return self.limited(asking, asking.entry, rules)

    def of_fallback(self, asking: Asking, leg: ModelEntry) -> Limited | None:
        """What is asked for a try of a fallback model, beside what the request was admitted with."""
        rules = rules_with((), asking.catalog.model_bounds, leg)
        return self.limited(asking, leg, rules) if rules else None

    def limited(self, asking: Asking, entry: ModelEntry, rules: Sequence[LimitRule]) -> Limited:
        """What these limits are asked for. What is made in the background is counted, and never refused."""
        client, record = asking.client, asking.record
        lineage, person = client.lineage, client.owner.person_id
        again = record.path.endswith(IN_BACKGROUND)
        tokens = -1
        shapes, counters = [], []
        for rule in rules:
            shape = self._shape(rule)
            take = 1
            if rule.counted is TOKENS:
                if tokens < 0:
                    tokens = expected(asking.call, entry, record.path).total
                take = tokens
            elif again and shape.kind is not HELD:
                continue
            name = counter_of(rule, lineage, person) + shape.ending
            shapes.append(shape)
            counters.append(Counter(name, shape.kind, take, None if again else rule.amount, rule.window_s, rule.burst))
        return Limited(shapes, counters, asking, self.refusals)

    async def left(self, store: Store, client: Client) -> Mapping[str, Left]:
        """What is left of the client's limits, by their ids; those of models are not told. Takes and counts nothing."""
        rules = client.bounds.limits
        if not rules:
            return {}
        counters = []
        for rule in rules:
            shape = self._shape(rule)
            name = counter_of(rule, client.lineage, client.owner.person_id) + shape.ending
            counters.append(Counter(name, shape.kind, 0, rule.amount, rule.window_s, rule.burst))
        found = (await store.take("look", [*counters, LOOKED])).found
        return {rule.id: _left(counter, one) for rule, counter, one in zip(rules, counters, found[:-1], strict=True)}

    async def fill(self, store: Store, counters: Sequence[Counter]) -> None:
        """There is nothing that its counters must be told."""

    def _shape(self, rule: LimitRule) -> Shape:
        shape = self._shapes.get(rule.id)
        return shape if shape is not None and shape.rule is rule else self._remember(rule)

    def _remember(self, rule: LimitRule) -> Shape:
        if len(self._shapes) >= MOST_SHAPES:
            self._shapes.clear()
        shape = self._shapes[rule.id] = shape_of(rule)
        return shape


def _left(counter: Counter, found: Found) -> Left:
    is_held = counter.kind is HELD and found.used > 0
    return Left(found.left, None if is_held else found.reset_ms / 1000)


def rules_with(rules: tuple[LimitRule, ...], of_models: Mapping[str, Bounds], entry: ModelEntry) -> tuple[LimitRule, ...]:
    """These rules, and those of the model."""
    found = of_models.get(entry.pattern or entry.name)
    return rules if found is None or not found.limits else rules + found.limits
