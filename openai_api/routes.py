"""Which public paths are there? The table of contents; everything else is Django's.

The table has each path once. A client whose base address lacks `/v1`, has it twice or ends in a slash reaches the same route:
`/chat/completions`, `/v1/v1/models`, `/v1//responses/`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from openai_api.endpoints import (
    chat_completions,
    completions,
    embeddings,
    health,
    image_edits,
    image_generations,
    image_variations,
    metrics,
    models,
    moderations,
    rerank,
    response_compact,
    response_input_tokens,
    response_objects,
    responses,
    speech,
    transcriptions,
    translations,
)
from openai_api.errors import ApiError, invalid
from openai_api.pipeline.exchange import Handler, inference
from openai_api.responses.journey import responding
from providers.wire.openai_image import MAX_FILE_BYTES as MAX_IMAGE_BYTES


class Route(NamedTuple):
    """A path ends in `*` when the rest of it is the argument: with its slashes as they came where it is `verbatim`, for names
    may hold them. `keyed` paths need a client key.
    `max_file_bytes` is the largest file in a form; 0 where no form is taken. `max_form_bytes` is the largest such form, where
    that says the same of its one file; 0 for as much as any body."""

    method: str
    path: str
    handler: Handler
    keyed: bool = True
    max_file_bytes: int = 0
    max_form_bytes: int = 0
    verbatim: bool = False


MIB = 1024**2


ROUTES = (
    Route("POST", "/v1/chat/completions", inference(chat_completions.decode)),
    Route("POST", "/v1/completions", inference(completions.decode)),
    Route("POST", "/v1/embeddings", inference(embeddings.decode)),
    Route("POST", "/v1/moderations", inference(moderations.decode)),
    Route("POST", "/v1/rerank", inference(rerank.decode)),
    Route("POST", "/v1/audio/transcriptions", inference(transcriptions.decode), max_file_bytes=25 * MIB, max_form_bytes=33 * MIB),
    Route("POST", "/v1/audio/translations", inference(translations.decode), max_file_bytes=25 * MIB, max_form_bytes=33 * MIB),
    Route("POST", "/v1/audio/speech", inference(speech.decode)),
    Route("POST", "/v1/images/generations", inference(image_generations.decode)),
    Route("POST", "/v1/images/edits", inference(image_edits.decode), max_file_bytes=MAX_IMAGE_BYTES),
    Route("POST", "/v1/images/variations", inference(image_variations.decode), max_file_bytes=MAX_IMAGE_BYTES),
    Route("POST", "/v1/responses", responding(responses.decode)),
    Route("POST", "/v1/responses/input_tokens", responding(response_input_tokens.decode)),
    Route("POST", "/v1/responses/compact", responding(response_compact.decode)),
    Route("GET", "/v1/responses/*", response_objects.get),
    Route("DELETE", "/v1/responses/*", response_objects.delete),
    Route("POST", "/v1/responses/*", response_objects.cancel),
    Route("GET", "/v1/models", models.list_models),
    Route("GET", "/v1/models/*", models.get_model, verbatim=True),
    Route("GET", "/livez", health.livez, keyed=False),
    Route("GET", "/health/liveness", health.livez, keyed=False),
    Route("GET", "/health/liveliness", health.livez, keyed=False),
    Route("GET", "/readyz", health.readyz, keyed=False),
    Route("GET", "/health/readiness", health.readyz, keyed=False),
    Route("GET", "/health", health.health, keyed=False),
    Route("GET", "/status", health.status, keyed=False),
    Route("GET", "/metrics", metrics.metrics, keyed=False),
)

VERSION = "/v1"
_HEAD = re.compile(r"/+(?:v1/+)*")
_SLASHES = re.compile(r"/{2,}")
_BY_PATH = {path: {route.method: route for route in ROUTES if route.path == path} for path in {route.path for route in ROUTES}}
_EXACT = {path: methods for path, methods in _BY_PATH.items() if path[-1] != "*"}
_EXACT |= {path.removeprefix(VERSION): methods for path, methods in _EXACT.items()}
_PREFIXES = tuple((path[:-1], methods) for path, methods in _BY_PATH.items() if path[-1] == "*")
_FIRST = {"v1", *(path.split("/")[2] for path in _BY_PATH if path.startswith(f"{VERSION}/"))}


def owns(path: str) -> bool:
    """Whether a path is answered here, if only with 404: the table, all of `/v1`, and what begins like a path of the table."""
    return path in _EXACT or path.lstrip("/").partition("/")[0] in _FIRST


def canonical(path: str) -> str:
    """A path as the table would spell it: with `/v1` once, without doubled slashes, and without one at the end."""
    head = _HEAD.match(path)
    return f"{VERSION}/{_SLASHES.sub('/', path[head.end() :]).strip('/')}" if head else path


def find(method: str, path: str) -> tuple[Route, str]:
    """The route and its argument. Raises 404 `not_found`, or 405 `method_not_allowed` with `Allow`."""
    methods, argument = _EXACT.get(path), ""
    if methods is None:
        methods, argument = _respelled(path)
    if not methods:
        raise invalid("not_found", f"There is nothing at {method} {path[:200]}.", status=404)
    route = methods.get("GET" if method == "HEAD" else method)
    if route is None:
        allowed = ", ".join(sorted([*methods, "HEAD"] if "GET" in methods else methods))
        message = f"{method[:20]} is not allowed here, {allowed} is."
        raise ApiError(405, "method_not_allowed", message, headers=((b"allow", allowed.encode()),))
    return route, argument


def _respelled(path: str) -> tuple[dict[str, Route], str]:
    """The routes of a path that the table does not have in these letters, and the argument."""
    spelled = canonical(path)
    if spelled in _EXACT:
        return _EXACT[spelled], ""
    for prefix, methods in _PREFIXES:
        if spelled.startswith(prefix):
            verbatim = any(route.verbatim for route in methods.values())
            return methods, _rest(path, prefix) if verbatim else spelled[len(prefix) :]
    return {}, ""


def _rest(path: str, prefix: str) -> str:
    """What stands behind the prefix, whose slashes may be doubled, as it came."""
    name = prefix.removeprefix(f"{VERSION}/")
    return path[path.index(name) + len(name) :]
