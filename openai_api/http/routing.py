"""Which route does a path belong to? Templates, compiled when they are listed, in every spelling that a base address may give.

    /v1/chat/completions                       a path
    /v1/responses/{id}, …/{id}/cancel          a variable takes all that stands there, without slashes that are too many
    /v1/models/{model:path}                    this one with all of them, as they came
    /v1beta/models/{model}:generateContent     what follows need not begin with a slash

A client whose base address lacks the version, has it twice or ends in a slash reaches the same route: `/chat/completions`,
`/v1/v1/models`, `/v1//responses/`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from openai_api.context import Handler
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.openai import OPENAI
from openai_api.errors import ApiError, invalid

USUAL = "/v1"
"""The version of a path that begins with none."""
VARIABLE = re.compile(r"\{([a-z_]+)(:path)?\}")
_SLASHES = re.compile(r"/{2,}")


class Route(NamedTuple):
    """`keyed` paths need a client key. `max_file_bytes` is the largest file in a form; 0 where no form is taken.
    `max_form_bytes` is the largest such form, where that says the same of its one file; 0 for as much as any body."""

    method: str
    path: str
    handler: Handler
    dialect: Dialect = OPENAI
    keyed: bool = True
    max_file_bytes: int = 0
    max_form_bytes: int = 0


class Socket(NamedTuple):
    """A path at which WebSockets are served."""

    path: str
    dialect: Dialect = OPENAI


class Match(NamedTuple):
    """A route that was asked for. `label` is its template, `path` what rows tell: the same for all spellings."""

    route: Route
    label: str
    path: str
    argument: str = ""


class Place(NamedTuple):
    """A path: whose it is, known or not, and what is there."""

    dialect: Dialect
    matches: Mapping[str, Match] = MappingProxyType({})
    socket: Socket | None = None

    def match(self, method: str, path: str) -> Match:
        """The route of this method. Raises 404 `not_found`, or 405 `method_not_allowed` with `Allow`."""
        match = self.matches.get(method)
        if match is not None:
            return match
        if not self.matches:
            raise not_found(method, path)
        allowed = ", ".join(sorted(self.matches))
        message = f"{method[:20]} is not allowed here, {allowed} is."
        raise ApiError(405, "method_not_allowed", message, headers=((b"allow", allowed.encode()),))


def not_found(method: str, path: str) -> ApiError:
    """Nobody serves that path."""
    return invalid("not_found", f"There is nothing at {method} {path[:200]}.", status=404)


class _Template(NamedTuple):
    """A path with a variable between `before` and `after`, which is `verbatim` if its slashes stay as they came."""

    label: str
    before: str
    after: str
    verbatim: bool
    routes: tuple[Route, ...]

    def matches(self, raw: str, spelled: str) -> Mapping[str, Match]:
        """The routes by method, if the path fits. No pattern is searched for: clients choose paths, and how long they are."""
        path = raw if self.verbatim else spelled
        argument = path[len(self.before) : len(path) - len(self.after)]
        if not argument or not path.startswith(self.before) or not path.endswith(self.after):
            return {}
        told = f"{self.before}{argument}{self.after}"
        return {route.method: Match(route, self.label, told, argument) for route in self.routes}


class RouteTable:
    """All public paths of an application. Of templates that fit the same path the first that has the method counts."""

    def __init__(self, routes: Collection[Route], sockets: Collection[Socket] = ()) -> None:
        """Raises `ValueError` for a template that cannot be compiled."""
        dialects = dict.fromkeys([OPENAI, *(route.dialect for route in routes), *(socket.dialect for socket in sockets)])
        self._dialects = sorted(((prefix, one) for one in dialects for prefix in one.prefixes), key=lambda pair: -len(pair[0]))
        versions = {prefix.split("/")[1] for prefix, _ in self._dialects}
        self._version = re.compile(rf"/+(?:({'|'.join(sorted(versions, key=len, reverse=True))})(?:/+|$))*")
        by_path: dict[str, tuple[Route, ...]] = {socket.path: () for socket in sockets}
        for route in routes:
            by_path[route.path] = (*by_path.get(route.path, ()), route)
        self._templates = [_compiled(path, found, versions) for path, found in by_path.items() if "{" in path]
        listening = {socket.path: socket for socket in sockets}
        exact = {path: _exact(found, listening.get(path)) for path, found in by_path.items() if "{" not in path}
        bare = {path.removeprefix(USUAL): place for path, place in exact.items() if path.startswith(f"{USUAL}/")}
        self._exact = exact | bare
        self._first = versions | {path.split("/")[2] for path in by_path if path.startswith(f"{USUAL}/")}

    def place(self, path: str) -> Place:
        """What is at that path; a place without matches if nothing is."""
        return self._exact.get(path) or self._respelled(path)

    def owns(self, path: str) -> bool:
        """Whether a path is answered here, if only with 404: the table, all below a version, and what begins like a path of the
        table."""
        return path in self._exact or path.lstrip("/").partition("/")[0] in self._first

    def _respelled(self, path: str) -> Place:
        """The place of a path that the table does not have in these letters."""
        version = self._version.match(path)
        if version is None:
            return self._unknown(path)
        raw = f"/{version[1] or USUAL[1:]}/{path[version.end() :]}"
        spelled = _SLASHES.sub("/", raw).rstrip("/")
        if (place := self._exact.get(spelled)) is not None:
            return place
        fitting = [found for template in self._templates if (found := template.matches(raw, spelled))]
        if not fitting:
            return self._unknown(spelled)
        matches = {method: match for found in reversed(fitting) for method, match in found.items()}
        return Place(next(iter(fitting[0].values())).route.dialect, _with_head(matches))

    def _unknown(self, path: str) -> Place:
        for prefix, dialect in self._dialects:
            if path == prefix or path.startswith(f"{prefix}/"):
                return Place(dialect)
        return Place(OPENAI)


def _exact(routes: tuple[Route, ...], socket: Socket | None) -> Place:
    matches = {route.method: Match(route, route.path, route.path) for route in routes}
    dialect = routes[0].dialect if routes else OPENAI
    return Place(socket.dialect if socket else dialect, _with_head(matches), socket)


def _compiled(path: str, routes: tuple[Route, ...], versions: Collection[str]) -> _Template:
    before, *found = VARIABLE.split(path)
    if len(found) != 3 or "{" in before + found[2] or not before.endswith("/") or path.split("/")[1] not in versions:
        raise ValueError(f"not a template: {path!r} must begin with a version and have one variable, behind a slash")
    name, verbatim, after = found
    return _Template(f"{before}{{{name}}}{after}", before, after, bool(verbatim), routes)


def _with_head(matches: Mapping[str, Match]) -> Mapping[str, Match]:
    return {**matches, "HEAD": matches["GET"]} if "GET" in matches else matches
