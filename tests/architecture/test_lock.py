"""Do the locks hold what pyproject.toml asks for, every package with its hashes, and no address?"""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.sources import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
ENTRY = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+))? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def entries(lock: str) -> dict[str, list[Requirement]]:
    """The pinned requirements of a lock by name; one name may stand for several Python versions."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if match := ENTRY.fullmatch(line):
            marker = f"; {match['marker'].strip()}" if match["marker"] else ""
            found.setdefault(match["name"], []).append(Requirement(f"{match['name']}=={match['version']}{marker}"))
    return found


def asked_for() -> list[Requirement]:
    """The direct requirements of the project with all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [
        Requirement(text) for texts in (project["dependencies"], *project["optional-dependencies"].values()) for text in texts
    ]


@pytest.mark.parametrize("lock", [*LOCKS, "requirements-fuzz.lock"])
def test_lock_when_read_then_it_holds_pinned_versions_with_hashes_and_nothing_else(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert [line for line in lines if not (ENTRY.fullmatch(line) or HASH.fullmatch(line))] == []
    followed = zip(lines, [*lines[1:], ""], strict=True)
    assert [line for line, next_line in followed if ENTRY.fullmatch(line) and not HASH.fullmatch(next_line)] == []


def test_lock_when_compared_with_the_project_then_every_requirement_is_pinned_within_its_range() -> None:
    locked = entries("requirements-dev.lock")
    for wanted in asked_for():
        pinned = locked.get(canonicalize_name(wanted.name), [])
        assert any(wanted.specifier.contains(str(pin.specifier).removeprefix("==")) for pin in pinned), f"run make lock: {wanted}"


def test_lock_when_the_two_are_compared_then_development_adds_and_changes_nothing() -> None:
    runtime, development = (
        {name: {str(pin.specifier) for pin in pins} for name, pins in entries(lock).items()} for lock in LOCKS
    )
    assert {
        name: (pins, development.get(name)) for name, pins in runtime.items() if not pins <= development.get(name, set())
    } == {}
