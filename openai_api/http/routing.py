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
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from openai_api.context import Handler
from openai_api.dialects.dialect import Dialect
from openai_api.dialects.openai import OPENAI
from openai_api.errors import ApiError, invalid

USUAL = "/v1"
"""The version of a path that begins with none."""
VARIABLE = re.compile(r"\{([a-z_]+)(:path)?\}")
_SLASHES = re.compile(r"/{2,}")
T = TypeVar("T")


class Route(NamedTuple):
    """`keyed` paths need a client key. `max_file_bytes` is the largest file in a form; 0 where no form is taken.
    `max_form_bytes` is the largest such form, where that says the same of its one file; 0 for as much as any body. `others` are
    dialects whose clients ask the same path; each knows its own requests (`Dialect.claims`). `beside_a_page` says that browsers
    get a page of Django's there; `among_pages` that without its version it stands among pages of Django's: what only begins like
    it is theirs."""

    method: str
    path: str
    handler: Handler
    dialect: Dialect = OPENAI
    keyed: bool = True
    max_file_bytes: int = 0
    max_form_bytes: int = 0
    others: tuple[Dialect, ...] = ()
    beside_a_page: bool = False
    among_pages: bool = False


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


NOTHING: Mapping[str, Match] = MappingProxyType({})
NO_TEMPLATES: Mapping[str, Template] = MappingProxyType({})


class Place(NamedTuple):
    """A path: whose it is, known or not, and what is there. Where it has a variable, `raw` is the path with its version once in
    front and else as it came, `spelled` as the table would have it."""

    dialect: Dialect
    matches: Mapping[str, Match] = NOTHING
    socket: Socket | None = None
    templates: Mapping[str, Template] = NO_TEMPLATES
    raw: str = ""
    spelled: str = ""

    @property
    def known(self) -> bool:
        """Whether anything is there."""
        return bool(self.matches or self.templates)

    def dialect_for(self, method: str, headers: Iterable[tuple[bytes, bytes]], query: bytes) -> Dialect:
        """Whose client asks: that of the route, or of what is there if it has no such method."""
        match = self.matches.get(method)
        if match is not None:
            route = match.route
        elif (template := self.templates.get(method)) is not None:
            route = template.routes[method]
        else:
            return self.dialect
        for other in route.others:
            if other.claims(headers, query):
                return other
        return route.dialect

    def match(self, method: str, path: str) -> Match:
        """The route of this method. Raises 404 `not_found`, or 405 `method_not_allowed` with `Allow`."""
        match = self.matches.get(method)
        if match is None:
            template = self.templates.get(method)
            if template is None:
                raise self._refusal(method, path)
            match = template.match(method, self.raw, self.spelled)
        return match

    def _refusal(self, method: str, path: str) -> ApiError:
        if not self.known:
            return not_found(method, path)
        allowed = ", ".join(sorted([*self.matches, *self.templates]))
        message = f"Method {method[:20]} is not allowed for this path. Allowed: {allowed}."
        return ApiError(405, "method_not_allowed", message, headers=((b"allow", allowed.encode()),))


def not_found(method: str, path: str) -> ApiError:
    """404: no route has that path."""
    return invalid("not_found", f"Unknown path: {method} {path[:200]}.", status=404)


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A path with a variable between `before` and `after`, which is `verbatim` if its slashes stay as they came."""

    label: str
    before: str
    after: str
    verbatim: bool
    routes: Mapping[str, Route]

    def beside(self, other: Template) -> bool:
        """Whether the other one begins with the same segments."""
        return _section(other.before) == _section(self.before)

    def fits(self, raw: str, spelled: str) -> bool:
        """Whether it is the template of that path. No pattern is searched for: clients choose paths, and how long they are."""
        path = raw if self.verbatim else spelled
        longer = len(path) > len(self.before) + len(self.after)
        return longer and path.endswith(self.after) and path.startswith(self.before)

    def match(self, method: str, raw: str, spelled: str) -> Match:
        """What that path, which fits, asks for."""
        path = raw if self.verbatim else spelled
        return Match(self.routes[method], self.label, path, path[len(self.before) : len(path) - len(self.after)])


UNKNOWN = Place(OPENAI)


class RouteTable:
    """All public paths of an application. Of templates that fit the same path the first that has the method counts."""

    def __init__(self, routes: Collection[Route], sockets: Collection[Socket] = ()) -> None:
        """Raises `ValueError` for a template that cannot be compiled."""
        dialects = dict.fromkeys([OPENAI, *(route.dialect for route in routes), *(socket.dialect for socket in sockets)])
        unknown = {f"{prefix}/": Place(dialect) for dialect in dialects for prefix in dialect.prefixes}
        self._unknown = sorted(unknown.items(), key=_longest_first)
        versions = {prefix.split("/")[1] for prefix in unknown}
        self._version = re.compile(rf"/+(?:({'|'.join(sorted(versions, key=len, reverse=True))})(?:/+|$))*")
        by_path: dict[str, tuple[Route, ...]] = {socket.path: () for socket in sockets}
        for route in routes:
            by_path[route.path] = (*by_path.get(route.path, ()), route)
        templates = [_compiled(path, found, versions) for path, found in by_path.items() if "{" in path]
        self._templates = {_section(one.before): tuple(filter(one.beside, templates)) for one in templates}
        self._merged: dict[tuple[Template, ...], tuple[Dialect, Mapping[str, Template]]] = {}
        listening = {socket.path: socket for socket in sockets}
        exact = {path: _exact(found, listening.get(path)) for path, found in by_path.items() if "{" not in path}
        bare = {path.removeprefix(USUAL): place for path, place in exact.items() if path.startswith(f"{USUAL}/")}
        self._exact = exact | bare
        self._beside = frozenset(route.path for route in routes if route.beside_a_page)
        shared = {route.path.split("/")[2] for route in routes if route.among_pages}
        self._among = frozenset(shared)
        self._first = versions | {path.split("/")[2] for path in by_path if path.startswith(f"{USUAL}/")} - shared

    def place(self, path: str) -> Place:
        """What is at that path; a place without matches if nothing is."""
        return self._exact.get(path) or self._respelled(path)

    def owns(self, path: str) -> bool:
        """Whether a path is answered here, if only with 404: the table, all below a version, and what begins like a path of the
        table."""
        if path in self._beside:
            return False
        first = path.lstrip("/").partition("/")[0]
        return path in self._exact or first in self._first or (first in self._among and self.place(path).known)

    def owns_for(self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a request to a path that has a page, too, is answered here: browsers ask for HTML."""
        if path not in self._beside or method not in self._exact[path].matches:
            return False
        return not any(name == b"accept" and b"text/html" in value.lower() for name, value in headers)

    def _respelled(self, path: str) -> Place:
        """The place of a path that the table does not have in these letters."""
        version = self._version.match(path)
        if version is None:
            return UNKNOWN
        raw = f"/{version[1] or USUAL[1:]}/{path[version.end() :]}"
        spelled = (_SLASHES.sub("/", raw) if "//" in raw else raw).rstrip("/")
        if (place := self._exact.get(spelled)) is not None:
            return place
        near = self._templates.get(_section(spelled), ())
        fitting = tuple([template for template in near if template.fits(raw, spelled)])
        if fitting:
            dialect, methods = self._merged.get(fitting) or self._merge(fitting)
            return Place(dialect, NOTHING, None, methods, raw, spelled)
        below = f"{spelled}/"
        for prefix, place in self._unknown:
            if below.startswith(prefix):
                return place
        return UNKNOWN

    def _merge(self, fitting: tuple[Template, ...]) -> tuple[Dialect, Mapping[str, Template]]:
        """Which template serves which method, where these fit. There are as many such sets as templates end differently."""
        methods = {method: template for template in reversed(fitting) for method in template.routes}
        self._merged[fitting] = merged = next(iter(fitting[0].routes.values())).dialect, methods
        return merged


def _exact(routes: tuple[Route, ...], socket: Socket | None) -> Place:
    matches = {route.method: Match(route, route.path, route.path) for route in routes}
    dialect = routes[0].dialect if routes else OPENAI
    return Place(socket.dialect if socket else dialect, _with_head(matches), socket)


def _compiled(path: str, routes: tuple[Route, ...], versions: Collection[str]) -> Template:
    before, *found = VARIABLE.split(path)
    if len(found) != 3 or "{" in before + found[2] or not before.endswith("/") or path.split("/")[1] not in versions:
        raise ValueError(f"not a template: {path!r} must begin with a version and have one variable, behind a slash")
    name, verbatim, after = found
    methods = _with_head({route.method: route for route in routes})
    return Template(f"{before}{{{name}}}{after}", before, after, bool(verbatim), methods)


def _with_head(methods: Mapping[str, T]) -> Mapping[str, T]:
    return {**methods, "HEAD": methods["GET"]} if "GET" in methods else methods


def _section(path: str) -> str:
    """Its version and the segment behind that: `/v1/responses/`."""
    return path[: path.find("/", path.find("/", 1) + 1) + 1]


def _longest_first(prefixed: tuple[str, Place]) -> int:
    return -len(prefixed[0])
