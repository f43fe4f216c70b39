"""Which budgets is a request of, and what does it take of them? Counters of the one step in which a request is admitted.

    hold      what the request may come to at most, taken when it is admitted
    settle    what it came to, in its place, when it has ended

| the request | what it came to |
|---|---|
| failed before a target had answered, was refused, or was answered without one | nothing |
| was answered | what the provider says that it used |
| was answered, and the client left, or the stream broke | what the provider had said by then, at least what was sent |
| was answered, and nobody says what it used, nor can it be guessed | what was held |
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time

from models_catalog import bounds
from models_catalog.bounds import BudgetRule, Unit
from models_catalog.snapshot import CatalogSnapshot, Client, ModelEntry
from openai_api.errors import ApiError, Headers
from openai_api.limits.admission import Asking
from openai_api.limits.expected import COUNTS
from openai_api.limits.journal import Entry, Hold, Kind
from openai_api.limits.parts import Seen
from openai_api.limits.store import NEVER, Counter, Found, Store, Verdict
from openai_api.recording.costs import cost_of, used
from openai_api.recording.events import Record
from openai_api.spending import refusals
from openai_api.spending.books import Books, counter_of, key_of
from openai_api.spending.cost import most_of
from openai_api.spending.most import most_used
from openai_api.spending.periods import Calendar, Span
from providers.types import Action

NO_HEAD: Headers = ()


class Claim:
    """What a request takes of one budget."""

    __slots__ = ("amount", "counter", "end", "model", "name", "period", "rule")

    def __init__(self, rule: BudgetRule, name: str, span: Span, amount: int, model: str) -> None:
        self.rule = rule
        self.name = name
        self.period, self.end = span
        self.amount = amount
        self.model = model
        self.counter = counter_of(name, self.period, amount, rule.amount if rule.hard else None)

    def hold(self, hold: str, number: int, request_id: str, deadline: float) -> Hold:
        rule = self.rule
        return Hold(f"{hold}.{number}", rule.id, self.name, self.period, rule.unit, request_id, self.amount, deadline)


class Claims:
    """What a request takes of all its budgets: a `Part` of its admission. `entry` is the model that it is admitted for."""

    def __init__(self, claims: Sequence[Claim], asking: Asking, entry: ModelEntry, books: Books) -> None:
        self.claims = claims
        self.counters: Sequence[Counter] = [claim.counter for claim in claims]
        self._asking = asking
        self._entry = entry
        self._books = books
        self._holds: Sequence[Hold] = ()

    def head(self, found: Sequence[Found]) -> Headers:
        return NO_HEAD

    def refusal(self, found: Sequence[Found]) -> ApiError:
        """Tells of the budget that ends last, as it is the one that has to be waited for."""
        claim, _ = self._last(found)
        self._books.refused(claim.rule)
        return self.told(found)

    def told(self, found: Sequence[Found]) -> ApiError:
        """The words of a refusal, which is not counted."""
        claim, told = self._last(found)
        return refusals.spent(claim.rule, claim.end, time(), self._asking.call.wire, held=told.wait_ms != NEVER)

    def seen(self, found: Sequence[Found]) -> Sequence[Seen]:
        """Each budget with what the request takes of it."""
        return [Seen(claim.rule, claim.amount, one, claim.end) for claim, one in zip(self.claims, found, strict=True)]

    def _last(self, found: Sequence[Found]) -> tuple[Claim, Found]:
        refusing = [(claim, told) for claim, told in zip(self.claims, found, strict=True) if told.wait_ms]
        return max(refusing, key=lambda pair: (pair[1].wait_ms == NEVER, pair[0].end or float("inf")))

    def begun(self, hold: str) -> Sequence[Entry]:
        """What is written down with the take."""
        now = time()
        request_id, deadline = self._asking.record.request_id, now + self._books.hold_s
        self._holds = [claim.hold(hold, number, request_id, deadline) for number, claim in enumerate(self.claims)]
        return [one.held(now) for one in self._holds]

    def admitted(self, hold: str, verdict: Verdict) -> None:
        """Nothing more is to be done."""

    def settled(self, record: Record) -> Sequence[int]:
        """What the request came to, for each budget."""
        costs: dict[Unit, int] = {}
        return [self._cost(claim, record, costs) for claim in self.claims]

    def ended(self, spent: Sequence[int]) -> Sequence[Entry]:
        """What is written down with that."""
        now = time()
        return [entry for hold, cost in zip(self._holds, spent, strict=True) for entry in hold.ended(cost, now)]

    def _cost(self, claim: Claim, record: Record, costs: dict[Unit, int]) -> int:
        if record.served_model is None or (claim.model and record.served_model != claim.model):
            return 0
        unit = claim.rule.unit
        cost = costs.get(unit)
        if cost is None:
            cost = costs[unit] = came_to(record, unit, claim.amount)
        return cost


class Budgets:
    """The budgets of requests: the `Rules` of this kind."""

    def __init__(self, books: Books, *, refuses_unknown: bool = True) -> None:
        self._books = books
        self._refuses_unknown = refuses_unknown
        self._calendar = Calendar()

    def part(self, asking: Asking) -> Claims | None:
        """Raises `ApiError` for a price that is not known."""
        client, entry, record = asking.client, asking.entry, asking.record
        of_model = asking.catalog.model_bounds.get(entry.pattern or entry.name)
        rules = client.bounds.budgets
        if of_model is not None and of_model.budgets:
            rules = (*rules, *of_model.budgets)
        if not rules or record.counted_apart or makes_nothing(asking):
            return None
        return self.claims(asking, entry, rules)

    def claims(self, asking: Asking, entry: ModelEntry, rules: Sequence[BudgetRule]) -> Claims:
        """What these budgets are asked for. Raises `ApiError` for a price that is not known."""
        client, spans = asking.client, self._calendar.spans(time())
        amounts: dict[Unit, int] = {}
        claims = []
        for rule in rules:
            amount = amounts.get(rule.unit)
            if amount is None:
                amount = amounts[rule.unit] = self._most(asking, entry, rules, rule.unit)
            name = bounds.counter_of(rule, client.lineage, client.owner.person_id)
            name = name if rule.unit is Unit.USD else f"{name}:t"
            claims.append(Claim(rule, name, spans[rule.period], amount, entry.name if rule.scope == "model" else ""))
        return Claims(claims, asking, entry, self._books)

    async def fill(self, store: Store, counters: Sequence[Counter]) -> None:
        """Tells the store what the ledger has of these counters. Raises `ApiError` 503 while that cannot be read."""
        spent = await self._books.spent([key_of(counter.name) for counter in counters])
        await store.fill([(counter, spent.get(key_of(counter.name), 0)) for counter in counters])

    def charge(self, record: Record, client: Client, catalog: CatalogSnapshot) -> None:
        """Charges what an upstream has made in the background, once its record is known: that of whoever hears of it first. The
        request that asked for it held what it might cost until it was answered."""
        is_asked_for = record.served_model == record.model  # else another model has taken its place
        of_model = catalog.model_bounds.get((is_asked_for and record.pattern) or record.served_model or "")
        rules = (*client.bounds.budgets, *(of_model.budgets if of_model is not None else ()))
        now = time()
        spans = self._calendar.spans(now)
        entries: list[Entry] = []
        for rule in rules:
            name = bounds.counter_of(rule, client.lineage, client.owner.person_id)
            name = name if rule.unit is Unit.USD else f"{name}:t"
            if used_up := came_to(record, rule.unit, 0):
                place = rule.id, name, spans[rule.period].name, rule.unit, record.request_id
                entries.append(Entry(f"{record.row_id}.{rule.id[:13]}.s", now, Kind.SETTLE, *place, used_up))
        self._books.put(entries)

    def _most(self, asking: Asking, entry: ModelEntry, rules: Sequence[BudgetRule], unit: Unit) -> int:
        call, path = asking.call, asking.record.path
        if unit is Unit.TOKENS:
            tokens = most_used(call, entry, path)
            return tokens.input_tokens + tokens.output_tokens
        most = most_of(call, entry, path=path)
        if most is None and any(self._refuses(rule) for rule in rules if rule.unit is unit):
            raise refusals.unpriced(entry.name)
        return most or 0

    def _refuses(self, rule: BudgetRule) -> bool:
        return rule.hard and (self._refuses_unknown if rule.refuses_unknown is None else rule.refuses_unknown)


def makes_nothing(asking: Asking) -> bool:
    """Whether a request only asks how many tokens it has."""
    return asking.call.response.action is Action.INPUT_TOKENS or asking.record.path.endswith(COUNTS)


def came_to(record: Record, unit: Unit, held: int) -> int:
    """What a request that was answered has used, in a unit."""
    if record.counted_apart:
        return 0
    usage, _ = used(record)
    if unit is Unit.TOKENS:
        return held if usage is None else usage.input_tokens + usage.output_tokens
    cost = cost_of(record)
    if cost is None:  # of what has a price, nobody says how much was used
        return held if usage is None and record.prices else 0
    return cost
