"""Where and as whom does an entry of LiteLLM's call Google? AI Studio by a key; Vertex AI by a project, a location and a file.

Reference: LiteLLM 1.85, `litellm/llms/vertex_ai/vertex_llm_base.py` and its pages on Vertex AI and its partners' models.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping

from models_catalog.changes.values import NOTHING, Lookup, to_enter
from models_catalog.config.clouds import AMBIENT_PROJECT, UNTOLD, ambient_google, in_variable, project_of, read_now
from models_catalog.config.litellm.host import Host, given, setting, variable_of
from models_catalog.config.litellm.values import is_variable
from models_catalog.config.table import Table
from models_catalog.placeholders import is_placeholder, shell_variable
from models_catalog.snapshot import STAR
from providers.types import Secret

PROJECT, PROJECT_VARIABLES = ("vertex_project", "vertex_ai_project"), ("VERTEXAI_PROJECT",)
LOCATION, LOCATION_VARIABLES = ("vertex_location", "vertex_ai_location"), ("VERTEXAI_LOCATION", "VERTEX_LOCATION")
CREDENTIALS, CREDENTIALS_VARIABLE = ("vertex_credentials", "vertex_ai_credentials"), "VERTEXAI_CREDENTIALS"
USUAL_LOCATION = "us-central1"
ONLY_GLOBAL = re.compile(r"gemini-3")
"""Models that Google serves at no single region."""
CLAUDE = re.compile(r"(anthropic/)?(?=claude)")
ENDPOINT = re.compile(r"(gemini/)?(\d+)")
PARTNERS = re.compile(
    r"(?:(meta|deepseek-ai|qwen|openai|zai-org|moonshotai|minimaxai|xai)/|(mistral|codestral|jamba|ai21|chat-bison|text-bison))"
)
DRAWN = re.compile(r"(imagen|imagegeneration|veo)")
AGENTS = re.compile(r"agent_engine/")
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


def gemini(params: Table, upstream: str) -> Host:
    """A model of AI Studio. LiteLLM knows its key by two names."""
    _refuse_drawn(params, upstream)
    named = "api_key" in params or "litellm_credential_name" in params
    ambient = next((name for name in KEYS if os.environ.get(name)), KEYS[0])
    return Host("gemini", upstream, credential=None if named else Lookup("env", ambient))


def vertex(params: Table, upstream: str) -> Host:
    """A model of Vertex AI: Google's own, or Anthropic's. Others speak formats that need another type of provider."""
    _refuse_drawn(params, upstream)
    if found := PARTNERS.match(upstream):
        partner = found[1] or found[2]
        params.findings.fail(
            params.at("model"), f"models of {partner!r} on Vertex AI are not served: only Google's and Anthropic's"
        )
    if AGENTS.match(upstream):
        params.findings.fail(params.at("model"), "agents of Vertex AI are not served")
    anthropic = CLAUDE.match(upstream)
    kind, model = ("vertex_anthropic", upstream[anthropic.end() :]) if anthropic else ("vertex_ai", _google_model(upstream))
    if model == STAR:
        params.findings.warn(
            params.at("model"), "Vertex AI's Gemini is meant by *; Anthropic's models need an entry of their own"
        )
    return _at_place(params, kind, model)


def _refuse_drawn(params: Table, upstream: str) -> None:
    if found := DRAWN.match(upstream):
        params.findings.fail(
            params.at("model"), f"models of {found[1]!r} are not served: pictures are made by Gemini's image models"
        )


def _google_model(upstream: str) -> str:
    """Numbers are endpoints of one's own; `gemini/` says that such a one is a Gemini."""
    own = ENDPOINT.fullmatch(upstream)
    return f"endpoints/{own[2]}" if own else upstream.removeprefix("gemini/")


def _at_place(params: Table, kind: str, model: str) -> Host:
    name = given(params, CREDENTIALS)
    project = setting(params, PROJECT, PROJECT_VARIABLES)
    location = setting(params, LOCATION, LOCATION_VARIABLES, usual=True)
    by_key = "api_key" in params and not name
    if by_key and not project and kind == "vertex_ai":  # express mode has neither
        return Host(kind, model)
    credential, more = (None, {}) if by_key else _credential(params, name)
    if not by_key:
        params.ignore(("api_key",), "is not imported: vertex_credentials are")
    if not project and credential is not None:
        ambient = AMBIENT_PROJECT if credential == NOTHING else ()
        project = project_of(credential) or read_now(ambient, params.findings, params.place)
    if not project:
        params.findings.fail(params.place, "vertex_project is missing, and the credential does not tell it")
    return Host(kind, model, {"project": project, "location": location or _usual_location(params, model), **more}, credential)


def _usual_location(params: Table, model: str) -> str:
    usual = "global" if ONLY_GLOBAL.match(model) else USUAL_LOCATION
    params.findings.warn(params.place, f"vertex_location is missing: it is {usual!r}, as in LiteLLM")
    return usual


def _credential(params: Table, name: str) -> tuple[Lookup, Mapping[str, str]]:
    """Where the JSON of the service account is, and the options that go with it."""
    value = params.raw(name) if name else None
    if isinstance(value, dict):
        return Lookup("stored", secret=Secret(json.dumps(value))), {}
    if name:
        return _told(params, name, params.text(name).strip()), {}
    if os.environ.get(CREDENTIALS_VARIABLE):
        return in_variable(CREDENTIALS_VARIABLE), {}
    return ambient_google(params.findings, params.place)


def _told(params: Table, name: str, text: str) -> Lookup:
    """A file, its text, or the variable that holds either."""
    variable = variable_of(text)
    if variable and is_variable(variable):
        return in_variable(variable)
    if text and not variable and not _is_gap(text):
        return Lookup("stored", secret=Secret(text)) if text.startswith("{") else Lookup("path", text)
    params.findings.warn(params.at(name), "the credential is not imported: it is a placeholder; enter it in the admin")
    return to_enter(shell_variable(text) or UNTOLD)


def _is_gap(text: str) -> bool:
    """Whether this is to be filled in. What is JSON looks like a gap in braces, and is none."""
    try:
        return not isinstance(json.loads(text), dict)
    except ValueError:
        return text.startswith("{") or is_placeholder(text)
