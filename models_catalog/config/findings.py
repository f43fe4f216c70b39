"""What is there to say about a file? Errors, warnings and what is left out, each at its place."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to say about one place of a file."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(slots=True)
class Findings:
    """Collects what is wrong with a file and what of it is not imported.

    A mistake in the gateway's own format is an error. In a `foreign` one, which people wrote for another program, it costs
    what it is in and no more: a value is ignored, an entry left out, and the rest is imported. `ignored` counts the settings
    that are not imported; `warnings` name them, and whatever else is to be known.
    """

    foreign: bool = False
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    left_out: list[Finding] = field(default_factory=list)
    ignored: int = 0

    def fatal(self, place: str, message: str) -> None:
        """The file cannot be read."""
        self.errors.append(Finding(place, message))

    def error(self, place: str, message: str) -> None:
        """A value is wrong, and read as if it were absent."""
        if self.foreign:
            self.ignore(place, message)
        else:
            self.fatal(place, message)

    def fail(self, place: str, message: str) -> None:
        """As `error`, for a value that its entry cannot do without. Raises `Unservable` in a foreign file."""
        if self.foreign:
            raise Unservable(place, message)
        self.fatal(place, message)

    def leave_out(self, place: str, name: str, reason: str) -> None:
        """An entry that cannot be served; `name` is what the file calls it, "" if it has no name."""
        if self.foreign:
            self.left_out.append(Finding(place, f"{name}: {reason}" if name else reason))
        else:
            self.fatal(place, reason)

    def ignore(self, place: str, message: str, count: int = 1) -> None:
        """Settings that are not imported, named once: what is said of all models is found again with each."""
        if Finding(place, message) not in self.warnings:
            self.ignored += count
            self.warn(place, message)

    def warn(self, place: str, message: str) -> None:
        self.warnings.append(Finding(place, message))


class Unservable(Exception):
    """An entry of a foreign file lacks what it cannot do without."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.finding = Finding(place, message)


class InvalidConfiguration(Exception):
    """The file cannot be imported; `findings.errors` say why, and where."""

    def __init__(self, findings: Findings) -> None:
        super().__init__("\n".join(map(str, findings.errors)))
        self.findings = findings
