"""What is one row of a key file, and what can be wrong with it?

    KeyImportError              nothing was written; the text may be shown
    ├── PrivateKeyError         the RSA private key is missing or cannot be used
    └── BadRows                 some rows are wrong; `problems` says which and why

No text in this package quotes a value of the file: in a file with its columns swapped any field may hold the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from providers.types import Secret

PLACEHOLDER = "the value is a placeholder, not a key"


class Encryption(StrEnum):
    """How a value is written in the file; never guessed."""

    PLAIN = "plain"
    RSA = "rsa"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key and whom it is for. `number` is the line of a CSV or `.env` file, the position of a JSON entry, from 1.

    `encryption` None means that the row does not say.
    """

    number: int
    provider: str = field(repr=False)
    value: Secret
    type: str = field(default="", repr=False)
    api_base: str = field(default="", repr=False)
    credential: str = field(default="", repr=False)
    encryption: Encryption | None = None


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that holds no provider's key, and why it was left out. `ours` says that there is a provider for it."""

    number: int
    reason: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that cannot be imported, and why."""

    number: int
    message: str


Item = KeyRow | SkippedRow | RowProblem
"""What a parser yields."""


class KeyImportError(Exception):
    """Nothing was imported."""


class PrivateKeyError(KeyImportError):
    """The RSA private key cannot be used."""


class BadRows(KeyImportError):
    """Some rows are wrong, so nothing was imported."""

    def __init__(self, problems: Sequence[RowProblem]) -> None:
        super().__init__(type(self).__doc__)
        self.problems = tuple(sorted(problems, key=lambda problem: problem.number))
