"""How long does a server wait for PostgreSQL? Not for ever: one that is frozen keeps its connections open and says nothing."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

ANSWER_S = 15.0


def bound_answers() -> None:
    """From now on every answer to a statement must come within `ANSWER_S`; else the connection is given up."""
    connection_created.connect(_bound, dispatch_uid="answer-time")


def _bound(sender: object, connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    if connection.vendor != "postgresql":
        return
    made: psycopg.Connection[Any] = connection.connection
    wait = made.wait

    def waiting(generator: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return wait(generator, *arguments, **{"timeout": ANSWER_S, **options})
        except psycopg.errors._WaitTimeout:  # noqa: SLF001 - what the public errors do not tell apart
            made.pgconn.finish()  # in the midst of a statement it is of no more use
            raise

    made.wait = waiting  # type: ignore[method-assign, assignment]
