"""Who is at work, and from where? Known for the running context: a request, a command, or the gateway itself."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """By which way something is changed."""

    ADMIN = "admin"
    API = "api"
    COMMAND = "command"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account or a token by its name, a command with the name of its system user, or the gateway itself. `user_id`
    is the account's id as text, "" if there is none; `address` the client's, "" if there is none."""

    name: str
    source: Source = Source.SYSTEM
    user_id: str = ""
    address: str = ""


GATEWAY = Actor("gateway")
_current: ContextVar[Callable[[], Actor]] = ContextVar("actor", default=lambda: GATEWAY)


def current_actor() -> Actor:
    """Who acts in the running context."""
    return _current.get()()


@contextmanager
def acting(actor: Actor | Callable[[], Actor]) -> Iterator[None]:
    """Inside, `actor` is who acts; a function is asked when somebody wants to know."""
    token = _current.set(actor if callable(actor) else lambda: actor)
    try:
        yield
    finally:
        _current.reset(token)


def of_command(name: str) -> Actor:
    """Who runs a command of `manage.py`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user need not have a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return Actor(f"{name} ({user})", Source.COMMAND)
