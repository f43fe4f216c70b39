"""Where is the answer of one target to a request kept?"""

from __future__ import annotations

from dataclasses import dataclass

from models_catalog.snapshot import ModelEntry
from providers.types import Target


@dataclass(frozen=True, slots=True)
class Place:
    """Of which model and target it is, and its key."""

    leg: ModelEntry
    target: Target
    key: str
