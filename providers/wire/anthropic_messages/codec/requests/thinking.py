"""How much may the model think, and how long may its answer be, as far as the model lets that be said?

Format: Anthropic's reference of October 2026, `thinking`, `output_config.effort`, `max_tokens`: required, and more than
`budget_tokens`, of which there are at least 1,024. Thinking models of before 4.6 have a budget, later ones think as they see fit.
No thinking is told by saying nothing: some models refuse `disabled`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from providers.canonical.extra import Json
from providers.canonical.losses import Losses
from providers.canonical.settings import Limits, Thinking
from providers.wire.anthropic_messages.codec.requests.models import Model
from providers.wire.anthropic_messages.codec.requests.settings import DISPLAYS

LEAST = 1024
"""Tokens of a budget."""
BUDGETS: Mapping[str, int] = MappingProxyType(
    {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 31_000}
)
"""Effort → a budget, for models that know nothing else."""
NEAREST: Mapping[str, str] = MappingProxyType({"minimal": "low", "xhigh": "high", "max": "high"})
"""Efforts that a model may not know → those that all know."""
OFF = frozenset({"disabled"})
ON = frozenset({"enabled", "adaptive", "between_tools"})
PLAIN = frozenset({None, "standard", *OFF, *ON})


class Thought(NamedTuple):
    """`thinks` says that the fields ask for thoughts."""

    fields: Json
    thinks: bool


def thinking_sent(thinking: Thinking, limits: Limits, model: Model, losses: Losses, *, allowed: bool) -> Thought:
    """The fields `thinking`, `max_tokens` and, under `output_config`, the effort. Not `allowed` is what a forced choice of a
    tool, or an answer in the midst of calls without thoughts, does not go with."""
    if thinking.mode not in PLAIN:
        losses.field(thinking, "mode")
    most = _most(limits, model, losses)
    off = thinking.mode in OFF or thinking.effort == "none" or thinking.budget == 0
    asked = not off and (thinking.mode in ON or thinking.effort is not None or (thinking.budget or 0) > 0)
    if not asked:
        if thinking.shown not in (None, "none") and not off:
            losses.field(thinking, "shown")
        return Thought({"max_tokens": most}, thinks=False)
    made: Json = {"max_tokens": most}
    if thinking.effort is not None and model.efforts:
        made["output_config"] = {"effort": _effort(thinking, model, losses)}
    if not allowed or not (model.adaptive or model.budget):
        _name_lost(thinking, losses, effort=not model.efforts)
        return Thought(made, thinks=False)
    shown = {} if thinking.shown is None else {"display": DISPLAYS.get(thinking.shown, "summarized")}
    if model.adaptive and not (thinking.budget and model.budget):
        if thinking.budget is not None and thinking.budget > 0:
            losses.field(thinking, "budget")
        mode = "between_tools" if thinking.mode == "between_tools" else "adaptive"
        return Thought(made | {"thinking": {"type": mode} | shown}, thinks=True)
    return _budgeted(thinking, made, shown, losses)


def _most(limits: Limits, model: Model, losses: Losses) -> int:
    said = limits.output_tokens
    if said is None:
        return model.most
    if said < 1:  # to other wires it means no limit, here an answer without a word
        losses.field(limits, "output_tokens")
        return model.most
    return said


def _effort(thinking: Thinking, model: Model, losses: Losses) -> str:
    effort = thinking.effort or ""
    if effort in model.efforts:
        return effort
    losses.field(thinking, "effort")
    return NEAREST.get(effort, "high")


def _name_lost(thinking: Thinking, losses: Losses, *, effort: bool) -> None:
    for name in ("mode", "budget", *(("effort",) if effort else ())):
        if getattr(thinking, name) is not None:
            losses.field(thinking, name)


def _budgeted(thinking: Thinking, made: Json, shown: Json, losses: Losses) -> Thought:
    """A budget is what the client said, and then the limit is raised for it; or it is made of the effort, and fits the limit."""
    most, budget = made["max_tokens"], thinking.budget if (thinking.budget or 0) > 0 else None
    if budget is not None:
        if budget < LEAST:
            losses.field(thinking, "budget")
            budget = LEAST
        if budget >= most:
            losses.field(Limits(), "output_tokens")
            made["max_tokens"] = budget + most
    else:
        budget = min(BUDGETS.get(thinking.effort or "medium", BUDGETS["medium"]), most - 1)
        if budget < LEAST:
            _name_lost(thinking, losses, effort=True)
            return Thought(made, thinks=False)
    return Thought(made | {"thinking": {"type": "enabled", "budget_tokens": budget} | shown}, thinks=True)
