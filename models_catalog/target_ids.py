"""Which route is a target of? A route has one target for each credential of its provider, and its id begins with the route's."""

from __future__ import annotations

SEPARATOR = "-"


def target_id(route: object, share: object = None) -> str:
    """The id of the target of a route with the provider's own credential, or with a further one; by their primary keys."""
    return str(route) if share is None else f"{route}{SEPARATOR}{share}"


def route_of(target: str) -> str:
    """The primary key of the route, as a text."""
    return target.partition(SEPARATOR)[0]


def share_of(target: str) -> str:
    """The primary key of the further credential, "" for the provider's own."""
    return target.partition(SEPARATOR)[2]
