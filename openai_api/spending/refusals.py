"""What is a client told whose budget is used up, or whose request has no known price?

Anthropic's and Claude Code's forms: code.claude.com/docs/en/llm-gateway-protocol (a spent budget is a `billing_error` that is not
tried again, with `anthropic-ratelimit-unified-*`); OpenAI's: `insufficient_quota`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from types import MappingProxyType

from models_catalog.bounds import NANO, BudgetRule, Unit
from openai_api.errors import ApiError, Headers
from providers.errors import FailureClass, ProviderError
from providers.types import Wire

ANTHROPIC = frozenset({Wire.ANTHROPIC_MESSAGES})
SCOPES: Mapping[str, str] = MappingProxyType({"key": "API key"})
NEVER: Headers = ((b"x-should-retry", b"false"),)
SURPASSED: Headers = ((b"anthropic-ratelimit-unified-overage-surpassed-threshold", b"0.95"),)
SOON: Headers = ((b"retry-after", b"1"),)


class BudgetSpent(ProviderError):
    """The budget of a model is used up."""

    failure = FailureClass.QUOTA
    status = 429
    type = "insufficient_quota"
    code = "insufficient_quota"


class PriceUnknown(ProviderError):
    """The price of a model is not known, and a budget does not allow that."""

    failure = FailureClass.MODEL
    status = 403
    type = "invalid_request_error"
    code = "price_unknown"


def spent(rule: BudgetRule, end: float | None, now: float, wire: Wire, *, held: bool) -> ApiError:
    """A budget has no room for the request. `end` is that of its period; `held` says that it would have if the requests that run
    now had ended and used nothing: then the client may try again soon."""
    about = f"The {rule.period} budget" if end is not None else "The budget"
    message = f"{about} of this {SCOPES.get(rule.scope, rule.scope)} ({amount(rule)}) is used up."
    if held:
        message = f"{message[:-1]}, or held by requests that are running."
    headers: Headers = SOON if held else ()
    if not held:
        seconds = None if end is None else max(1, ceil(end - now))
        headers = NEVER if seconds is None else ((b"retry-after", b"%d" % seconds), *NEVER)
    if wire in ANTHROPIC:
        headers = (*headers, *(NEVER if held else ()), *unified(end))
    kind = "billing_error" if wire in ANTHROPIC else "insufficient_quota"
    return ApiError(429, "insufficient_quota", message, kind=kind, headers=headers)


def unified(end: float | None) -> Headers:
    """What Claude Code reads of a budget that is used up."""
    reset = () if end is None else _at(end)
    return (
        (b"anthropic-ratelimit-unified-status", b"rejected"),
        (b"anthropic-ratelimit-unified-representative-claim", b"overage"),
        (b"anthropic-ratelimit-unified-overage-status", b"rejected"),
        (b"anthropic-ratelimit-unified-overage-utilization", b"1.0"),
        *SURPASSED,
        *reset,
    )


def _at(end: float) -> Headers:
    at = b"%d" % ceil(end)
    return (b"anthropic-ratelimit-unified-reset", at), (b"anthropic-ratelimit-unified-overage-reset", at)


def unpriced(model: str) -> ApiError:
    """A budget in money does not allow requests whose price is not known."""
    return ApiError(403, "price_unknown", no_price(model), param="model", headers=NEVER)


def no_price(model: str) -> str:
    """What an operator has to do, too: whoever made the budget reads it first."""
    return (
        f"The price of the model {model!r} is not known, and a budget of this request allows no unknown prices. "
        "Give the model its prices, or let the budget allow unknown prices."
    )


def amount(rule: BudgetRule) -> str:
    """What a budget comes to, for people."""
    return f"{rule.amount / NANO:.2f} USD" if rule.unit is Unit.USD else f"{rule.amount} tokens"
