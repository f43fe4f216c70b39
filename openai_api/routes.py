"""Which public paths are there? The table of contents; everything else is Django's."""

from __future__ import annotations

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
from openai_api.pipeline.run import Handler, inference
from providers.wire.openai_image import MAX_FILE_BYTES as MAX_IMAGE_BYTES


class Route(NamedTuple):
    """A path ends in `*` when the rest of it, slashes included, is the argument. `keyed` paths need a client key.
    `max_file_bytes` is the largest file in a form; 0 where no form is taken. `max_form_bytes` is the largest such form, where
    that says the same of its one file; 0 for as much as any body."""

    method: str
    path: str
    handler: Handler
    keyed: bool = True
    max_file_bytes: int = 0
    max_form_bytes: int = 0


MIB = 1024**2


ROUTES = (
    Route("POST", "/v1/chat/completions", inference(chat_completions.decode)),
    Route("POST", "/chat/completions", inference(chat_completions.decode)),
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
    Route("POST", "/v1/responses", inference(responses.decode)),
    Route("POST", "/v1/responses/input_tokens", inference(response_input_tokens.decode)),
    Route("POST", "/v1/responses/compact", inference(response_compact.decode)),
    Route("GET", "/v1/responses/*", response_objects.get),
    Route("DELETE", "/v1/responses/*", response_objects.delete),
    Route("POST", "/v1/responses/*", response_objects.cancel),
    Route("GET", "/v1/models", models.list_models),
    Route("GET", "/models", models.list_models),
    Route("GET", "/v1/models/*", models.get_model),
    Route("GET", "/models/*", models.get_model),
    Route("GET", "/livez", health.livez, keyed=False),
    Route("GET", "/health/liveness", health.livez, keyed=False),
    Route("GET", "/health/liveliness", health.livez, keyed=False),
    Route("GET", "/readyz", health.readyz, keyed=False),
    Route("GET", "/health/readiness", health.readyz, keyed=False),
    Route("GET", "/health", health.health, keyed=False),
    Route("GET", "/status", health.status, keyed=False),
    Route("GET", "/metrics", metrics.metrics, keyed=False),
)

_BY_PATH = {path: {route.method: route for route in ROUTES if route.path == path} for path in {route.path for route in ROUTES}}
_EXACT = {path: methods for path, methods in _BY_PATH.items() if path[-1] != "*"}
_PREFIXES = tuple((path[:-1], methods) for path, methods in _BY_PATH.items() if path[-1] == "*")


def owns(path: str) -> bool:
    """Whether a path is answered here: the table, and all of `/v1`, however it is spelled."""
    return path in _EXACT or path.lstrip("/").partition("/")[0] == "v1" or any(path.startswith(prefix) for prefix, _ in _PREFIXES)


def find(method: str, path: str) -> tuple[Route, str]:
    """The route and its argument. Raises 404 `not_found`, or 405 `method_not_allowed` with `Allow`."""
    methods, argument = _EXACT.get(path), ""
    if methods is None:
        methods, argument = _by_prefix(path)
    if not methods:
        raise invalid("not_found", f"There is nothing at {method} {path[:200]}.", status=404)
    route = methods.get("GET" if method == "HEAD" else method)
    if route is None:
        allowed = ", ".join(sorted([*methods, "HEAD"] if "GET" in methods else methods))
        message = f"{method[:20]} is not allowed here, {allowed} is."
        raise ApiError(405, "method_not_allowed", message, headers=((b"allow", allowed.encode()),))
    return route, argument


def _by_prefix(path: str) -> tuple[dict[str, Route], str]:
    for prefix, methods in _PREFIXES:
        if path.startswith(prefix) and len(path) > len(prefix):
            return methods, path[len(prefix) :]
    return {}, ""
