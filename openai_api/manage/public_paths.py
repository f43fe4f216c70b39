"""How are the public paths told of in the OpenAPI document? From the table of routes: who may ask, and what is answered."""

from __future__ import annotations

import re
from typing import Any

from openai_api.http.routing import Route
from openai_api.routes import ROUTES

VARIABLE = re.compile(r"\{([a-z_]+)(?::path)?\}")
SUMMARIES = {
    "/v1/chat/completions": "Chat, as OpenAI has it",
    "/v1/responses": "Responses, as OpenAI has them",
    "/v1/messages": "Messages, as Anthropic has them",
    "/v1/embeddings": "Vectors of texts",
    "/v1/models": "The models that the key may use",
    "/v1/rerank": "Documents in the order of their relevance",
    "/v1/me/usage": "What the key has used",
    "/v1/audio/speech": "Speech from a text",
    "/v1/audio/transcriptions": "A text from speech",
    "/v1/audio/translations": "An English text from speech",
    "/v1/images/generations": "Pictures from a text",
    "/v1/moderations": "Is a text allowed?",
    "/metrics": "Metrics for Prometheus",
    "/livez": "Is the process alive?",
    "/readyz": "Can it serve requests?",
}
STREAMS = re.compile(
    r"/(chat|completions|responses|messages|generate|speech|transcriptions|generations|edits)$|:streamGenerateContent$"
)
ERROR = {
    "description": "Refused, in the form of the path's dialect.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
OBJECT = {"application/json": {"schema": {"type": "object"}}}
FORM = {"multipart/form-data": {"schema": {"type": "object"}}}
KEYS: dict[str, dict[str, str]] = {
    "clientKey": {"type": "http", "scheme": "bearer", "description": "A client key; `x-api-key` and `api-key` are equal."}
}


def with_public_paths(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """The document of the management API with the paths that programs use; a hook of drf-spectacular."""
    for route in ROUTES:
        item = result["paths"].setdefault(VARIABLE.sub(r"{\1}", route.path), {})
        item[route.method.lower()] = operation(route)
    result.setdefault("components", {}).setdefault("securitySchemes", {}).update(KEYS)
    return result


def operation(route: Route) -> dict[str, Any]:
    """What an operation of the path is."""
    path = VARIABLE.sub(r"{\1}", route.path)
    answers = dict(OBJECT)
    if route.method == "POST" and STREAMS.search(path):
        answers["text/event-stream" if not path.startswith("/api/") else "application/x-ndjson"] = {"schema": {"type": "string"}}
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{path}").strip("_") or "root",
        "summary": SUMMARIES.get(path, f"{route.method} {path}"),
        "tags": [route.dialect.name if route.keyed else "operations"],
        "security": [{"clientKey": []}] if route.keyed else [],
        "responses": {"200": {"description": "Served.", "content": answers}, "default": ERROR},
    }
    if names := VARIABLE.findall(route.path):
        found["parameters"] = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    if route.method == "POST":
        found["requestBody"] = {"required": True, "content": FORM if route.max_file_bytes else OBJECT}
    return found
