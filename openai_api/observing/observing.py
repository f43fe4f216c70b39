"""Whose exchanges are collected for observers? Known in the worker before a request is answered, so that others cost nothing."""

from __future__ import annotations

from dataclasses import dataclass

MOST_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Observing:
    """`everybody`, or the client keys of these names or ids; none: nothing is collected. `most_bytes` of a body are, else none of
    it."""

    everybody: bool = False
    keys: frozenset[str] = frozenset()
    most_bytes: int = MOST_BYTES

    @property
    def anybody(self) -> bool:
        return self.everybody or bool(self.keys)

    def wants(self, *keys: str | None) -> bool:
        """Whether an exchange with the key of that name and id is to be told."""
        return self.everybody or any(key in self.keys for key in keys)

    def replace(self, other: Observing) -> None:
        """Collects for others from now on. For any thread."""
        self.keys, self.everybody = other.keys, other.everybody
