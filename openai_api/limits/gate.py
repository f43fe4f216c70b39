"""Is there room at a fallback model? Its limits are asked when it is its turn; those of the model asked for were."""

from __future__ import annotations

from collections.abc import Sequence

from models_catalog.snapshot import ModelEntry
from openai_api.errors import Headers
from openai_api.limits.admission import Asking
from openai_api.limits.bounded import Asked, Bounded, BoundLease, Claim, looked
from openai_api.limits.rules import LimitRules
from openai_api.limits.store import NEVER, Taken
from providers.errors import ProviderError, RateLimited
from providers.types import Target


class FallbackLimited(RateLimited):
    """The rate limit of a fallback model was reached."""

    code = "rate_limit_exceeded"


class FallbackPlace(BoundLease):
    """What a try of a fallback model holds. Its headers are not told: the client knows nothing of that model."""

    def give_back(self) -> None:
        """The try has failed, so nothing was used."""
        claim = self._claim
        self._bounded.store.settle(Taken(claim.hold, claim.counters, self._verdict), [0] * len(claim.counters))


class FallbackLimits:
    """The `Gate` of the limits of fallback models."""

    def __init__(self, bounded: Bounded, rules: LimitRules) -> None:
        self._bounded = bounded
        self._rules = rules

    async def enter(self, asking: Asking, leg: ModelEntry, target: Target) -> FallbackPlace | None:
        """Raises `FallbackLimited` where the model's limits are reached."""
        part = self._rules.of_fallback(asking, leg)
        if part is None:
            return None
        claim = Claim(self._bounded.next_hold(), (Asked(self._rules, part),))
        verdict = await claim.take(self._bounded.store)
        if verdict.admitted:
            head: Headers = ()
            return FallbackPlace(self._bounded, claim, verdict, head)
        waits = [found.wait_ms for found in verdict.found if found.wait_ms]
        raise _limited(part.refusal(verdict.found).message, waits)

    async def look(self, asking: Asking, leg: ModelEntry, target: Target) -> ProviderError | None:
        """As `enter`, without taking or counting anything: what would be raised."""
        part = self._rules.of_fallback(asking, leg)
        if part is None:
            return None
        found = await looked(self._bounded.store, (Asked(self._rules, part),))
        waits = [seen.found.wait_ms for seen in found.seen if seen.found.wait_ms]
        return None if found.refusal is None else _limited(found.refusal.message, waits)


def _limited(message: str, waits: Sequence[int]) -> FallbackLimited:
    return FallbackLimited(message, retry_after=None if NEVER in waits else max(waits) / 1000)
