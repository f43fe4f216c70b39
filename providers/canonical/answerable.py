"""Can a wire give the kind of answer that is asked for? What would give another kind must not be left out."""

from __future__ import annotations

from collections.abc import Collection

from providers.canonical.extra import Need
from providers.canonical.request import Request

TEXT = frozenset({"text"})
CODE = "unsupported_parameter"


def not_answerable(request: Request, modalities: Collection[str] = TEXT) -> Need | None:
    """Why a wire that gives one choice, in these modalities, cannot answer; None if it can."""
    words = request.words
    if request.sampling.choices not in (None, 1):
        name = words.get("Sampling.choices", "n")
        return Need(f"This model's provider gives one choice; {name!r} can only be 1.", (name,), CODE)
    beyond = sorted(set(request.output.modalities or ()) - set(modalities))
    if beyond:
        name = words.get("Output.modalities", "modalities")
        return Need(f"This model's provider gives no {beyond[0]}.", (name,), CODE)
    return None
