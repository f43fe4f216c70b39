"""Which routes share? The targets of a model in groups, with what choosing one of a group needs, worked out once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate, groupby
from typing import TypeVar

from providers.types import Target

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Group:
    """Targets that share. The first `len(weights)` of them have a weight, the rest are for when none of those can; if none has,
    all count alike. `sums` are the weights added up; `salts` stand for the targets where they are chosen by a key."""

    targets: tuple[Target, ...]
    weights: tuple[float, ...]
    sums: tuple[float, ...]
    salts: tuple[int, ...]

    @classmethod
    def of(cls, targets: Sequence[Target]) -> Group:
        taking = [target for target in targets if target.sharing.weight > 0.0]
        spare = [target for target in targets if target.sharing.weight <= 0.0] if taking else []
        taking = taking or list(targets)
        weights = tuple(target.sharing.weight or 1.0 for target in taking)
        return cls((*taking, *spare), weights, tuple(accumulate(weights)), tuple(salt(target.id) for target in taking))


def groups_of(targets: Mapping[C, Sequence[Target]]) -> Mapping[C, tuple[Group, ...]]:
    """The groups of each capability, in their order; without those of which every group is of one."""
    found: dict[C, tuple[Group, ...]] = {}
    for capability, listed in targets.items():
        if any(target.sharing.group is not None for target in listed):
            parts = [list(group) for _, group in groupby(enumerate(listed), _group_of)]
            if len(parts) < len(listed):
                found[capability] = tuple(Group.of([target for _, target in part]) for part in parts)
    return found


def _group_of(placed: tuple[int, Target]) -> tuple[bool, int]:
    place, target = placed
    group = target.sharing.group
    return (False, place) if group is None else (True, group)


def is_bounded(targets: Iterable[Sequence[Target]]) -> bool:
    """Whether some target has limits of its own."""
    return any(target.sharing.is_bounded for listed in targets for target in listed)


def salt(name: str) -> int:
    """64 bits that stand for a name, the same in every process."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
