"""What does a kind of objects have to say, so that one set of views serves them all?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.serializers import BaseSerializer

from models_catalog.models import CatalogVersion
from openai_api.manage.access import Caller
from openai_api.manage.problems import Problem, invalid

Data = dict[str, Any]
Filter = Callable[[QuerySet[Any, Any], str], QuerySet[Any, Any]]


class Resource(ABC):
    """Objects of one kind. Those of `named` ones are addressed by name, which never changes; others by their id."""

    path: ClassVar[str]
    kind: ClassVar[str]
    component: ClassVar[str]
    named: ClassVar[bool] = False
    serializer: ClassVar[type[BaseSerializer[Any]]]
    made: ClassVar[type[BaseSerializer[Any]] | None] = None
    """What is answered when one is made, where that is more."""
    filters: ClassVar[Mapping[str, tuple[str, Filter]]] = {}
    """What a list may be asked for: a description, and how the rows are chosen."""
    chosen_from: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The values of those filters that have but a few."""
    volatile: ClassVar[frozenset[str]] = frozenset()
    """Members that change by themselves: no part of the ETag."""
    secrets: ClassVar[tuple[str, ...]] = ()
    """Columns with ciphertext, which is part of the ETag: a new secret is a change although nobody sees it."""

    @abstractmethod
    def rows(self, caller: Caller) -> QuerySet[Any, Any]:
        """All that the caller sees, with what `shown` needs."""

    @abstractmethod
    def shown(self, rows: Sequence[Any]) -> list[Data]:
        """The objects of rows, in a fixed number of queries."""

    @abstractmethod
    def write(self, caller: Caller, row: Any | None, name: str, data: Data) -> Any:
        """Makes the row, a new one if None, hold the data; the address of the row. Raises `Problem` or `ValidationError`."""

    @abstractmethod
    def remove(self, row: Any) -> None:
        """Deletes the row. Raises `Problem`."""

    def create(self, caller: Caller, data: Data) -> tuple[Any, Data]:
        """A new row's address, and what its answer has beside the object."""
        return self.write(caller, None, str(data.get("name", "")), data), {}

    @property
    def address(self) -> str:
        """The column by which rows are found and listed."""
        return "name" if self.named else "pk"

    def sealed(self, row: Any) -> list[str]:
        """The ciphertexts of a row."""
        return [str(getattr(getattr(row, name), "stored", "")) for name in self.secrets]


def lock() -> None:
    """Writers raise the version first: whoever holds its row sees a catalog that does not change meanwhile."""
    CatalogVersion.objects.select_for_update().first()


def flag(column: str) -> Filter:
    """A filter by true or false."""

    def chosen(rows: QuerySet[Any, Any], text: str) -> QuerySet[Any, Any]:
        if text not in ("true", "false"):
            raise ValidationError("Enter true or false.")
        return rows.filter(**{column: text == "true"})

    return chosen


def equal(lookup: str) -> Filter:
    """A filter by a text."""
    return lambda rows, text: rows.filter(**{lookup: text})


def check_all(fields: dict[str, list[str]]) -> None:
    """Raises `Problem` if there are messages."""
    if fields:
        raise invalid(fields)


def in_use(message: str, **by: Any) -> Problem:
    return Problem(409, "in_use", message, **by)
