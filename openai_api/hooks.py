"""What may change a call, or answer it, before a target is chosen?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from models_catalog.snapshot import Client
from openai_api.limits.admission import Known
from providers.types import Call


class Hook(Protocol):
    """Runs once for each request, after admission. Hooks run in their order; what one returns is what the next one gets."""

    async def before(self, call: Call, client: Client) -> Call | Known:
        """The call as it is to go on, which may name another model, or an answer, with which it ends here. Raises `ApiError`."""
        ...


async def run_hooks(hooks: Sequence[Hook], call: Call, client: Client) -> Call | Known:
    """The call after all hooks, or the first answer. Raises what a hook raises."""
    for hook in hooks:
        result = await hook.before(call, client)
        if isinstance(result, Known):
            return result
        call = result
    return call
