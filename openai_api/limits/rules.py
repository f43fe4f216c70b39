"""Which limits is a request held to? Those of its key, of whom the key belongs to, and of its model, each with a counter."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from models_catalog.bounds import Algorithm, Counted, LimitRule, counter_of
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
MOST_PLANS = 50_000
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


class Plan(NamedTuple):
    """What is the same for all requests of a client for a model, by the rules that hold for them; `tokens` are the positions of
    the counters of tokens, which take what a request is likely to use."""

    client: Client
    of_model: tuple[LimitRule, ...]
    shapes: Sequence[Shape]
    counters: Sequence[Counter]
    tokens: Sequence[int]


class LimitRules:
    """The limits of requests: the `Rules` of this kind. `refusals` counts what was refused, by scope and what is counted."""

    def __init__(self) -> None:
        self.refusals: Tally[tuple[str, str]] = Tally()
        self._plans: dict[tuple[str, str, bool], Plan] = {}

    def part(self, asking: Asking) -> Limited | None:
        if asking.record.counted_apart:
            return None
        of_model = self._of_model(asking, asking.entry)
        if not of_model and not asking.client.bounds.limits:
            return None
        return self._limited(asking, asking.entry, of_model, own=True)

    def of_fallback(self, asking: Asking, leg: ModelEntry) -> Limited | None:
        """What is asked for a try of a fallback model, beside what the request was admitted with."""
        of_model = self._of_model(asking, leg)
        return self._limited(asking, leg, of_model, own=False) if of_model else None

    async def left(self, store: Store, client: Client) -> Mapping[str, Left]:
        """What is left of the client's limits, by their ids; those of models are not told. Takes and counts nothing."""
        rules = client.bounds.limits
        if not rules:
            return {}
        counters = [counter._replace(take=0) for counter in counters_of(rules, client)]
        found = (await store.take("look", [*counters, LOOKED])).found
        return {rule.id: _left(counter, one) for rule, counter, one in zip(rules, counters, found[:-1], strict=True)}

    async def fill(self, store: Store, counters: Sequence[Counter]) -> None:
        """There is nothing that its counters must be told."""

    def _limited(self, asking: Asking, entry: ModelEntry, of_model: tuple[LimitRule, ...], *, own: bool) -> Limited:
        """What limits are asked for: those of the client, if they are asked for here, and those of the model."""
        client, path = asking.client, asking.record.path
        key = client.id, entry.name, own
        plan = self._plans.get(key)
        if plan is None or plan.client is not client or plan.of_model is not of_model:
            plan = self._remember(key, client, of_model)
        shapes, counters = plan.shapes, plan.counters
        if plan.tokens:
            counters = list(counters)
            tokens = expected(asking.call, entry, path).total
            for place in plan.tokens:
                name, kind, _, most, window_s, burst, _, _ = counters[place]
                counters[place] = Counter(name, kind, tokens, most, window_s, burst)
        if path.endswith(IN_BACKGROUND):
            shapes, counters = unrefused(shapes, counters)
        return Limited(shapes, counters, asking, self.refusals)

    def _of_model(self, asking: Asking, entry: ModelEntry) -> tuple[LimitRule, ...]:
        found = asking.catalog.model_bounds.get(entry.pattern or entry.name)
        return () if found is None else found.limits

    def _remember(self, key: tuple[str, str, bool], client: Client, of_model: tuple[LimitRule, ...]) -> Plan:
        if len(self._plans) >= MOST_PLANS:
            self._plans.clear()
        rules = client.bounds.limits + of_model if key[-1] else of_model
        shapes, counters = [shape_of(rule) for rule in rules], counters_of(rules, client)
        tokens = [place for place, rule in enumerate(rules) if rule.counted is TOKENS]
        plan = self._plans[key] = Plan(client, of_model, shapes, counters, tokens)
        return plan


def counters_of(rules: Sequence[LimitRule], client: Client) -> list[Counter]:
    """The counters of these rules for that client, each of which takes one."""
    names = [counter_of(rule, client.lineage, client.owner.person_id) for rule in rules]
    shapes = [shape_of(rule) for rule in rules]
    return [
        Counter(name + shape.ending, shape.kind, 1, shape.rule.amount, shape.rule.window_s, shape.rule.burst)
        for name, shape in zip(names, shapes, strict=True)
    ]


def _left(counter: Counter, found: Found) -> Left:
    is_held = counter.kind is HELD and found.used > 0
    return Left(found.left, None if is_held else found.reset_ms / 1000)


def unrefused(shapes: Sequence[Shape], counters: Sequence[Counter]) -> tuple[Sequence[Shape], Sequence[Counter]]:
    """What is made in the background is never refused, and its requests are counted already."""
    kept = [pair for pair in zip(shapes, counters, strict=True) if pair[0].rule.counted is not REQUESTS]
    return [shape for shape, _ in kept], [counter._replace(most=None) for _, counter in kept]
