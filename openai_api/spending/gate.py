"""May a fallback model be tried? Its own budgets are looked at when it is its turn, not before."""

from __future__ import annotations

from models_catalog.snapshot import ModelEntry
from openai_api.errors import ApiError
from openai_api.limits.admission import Asking
from openai_api.limits.bounded import Asked, Bounded, BoundLease, Claim, looked
from openai_api.limits.store import Taken
from openai_api.spending.budgets import Budgets, Claims
from openai_api.spending.refusals import BudgetSpent, PriceUnknown
from providers.errors import ProviderError
from providers.types import Target


class ModelPlace(BoundLease):
    """What a try of a fallback model holds of that model's budgets."""

    def give_back(self) -> None:
        """The try has failed, so nothing was spent."""
        claim = self._claim
        used = [0] * len(claim.counters)
        notes = [entry for one in claim.asked for entry in one.part.ended(used)]
        self._bounded.store.settle(Taken(claim.hold, claim.counters, self._verdict), used, notes)


class FallbackBudgets:
    """The `Gate` of the budgets of models that take the place of the one that was asked for."""

    def __init__(self, bounded: Bounded, budgets: Budgets) -> None:
        self._bounded = bounded
        self._budgets = budgets

    async def enter(self, asking: Asking, leg: ModelEntry, target: Target) -> ModelPlace | None:
        """A place by the budgets of the leg's model. Raises `ProviderError` if one is used up."""
        try:
            part = self._part(asking, leg)
            if part is None:
                return None
            claim = Claim(self._bounded.next_hold(), (Asked(self._budgets, part),))
            verdict = await claim.take(self._bounded.store)
            if not verdict.admitted:
                raise part.refusal(verdict.found)
        except ApiError as error:
            raise _passed_over(error) from error
        return ModelPlace(self._bounded, claim, verdict, ())

    async def look(self, asking: Asking, leg: ModelEntry, target: Target) -> ProviderError | None:
        """As `enter`, without taking or counting anything: what would be raised."""
        try:
            part = self._part(asking, leg)
            error = None if part is None else (await looked(self._bounded.store, (Asked(self._budgets, part),))).refusal
        except ApiError as unknown:
            error = unknown
        return None if error is None else _passed_over(error)

    def _part(self, asking: Asking, leg: ModelEntry) -> Claims | None:
        """Raises `ApiError` for a price that is not known."""
        bounds = asking.catalog.model_bounds.get(leg.name)
        if bounds is None or not bounds.budgets or asking.record.counted_apart:
            return None
        return self._budgets.claims(asking, leg, bounds.budgets)


def _passed_over(error: ApiError) -> ProviderError:
    if error.code == PriceUnknown.code:
        return PriceUnknown(error.message, said=error.message)
    seconds = next((float(value) for name, value in error.headers if name == b"retry-after"), None)
    return BudgetSpent(error.message, said=error.message, retry_after=seconds)
