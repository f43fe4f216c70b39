"""Where does Google listen? A host for each place, and a path with the version, the model and what is asked of it.

Reference: Google's Generative Language API and Vertex AI's REST reference of 2026:

    https://generativelanguage.googleapis.com/v1beta/models/M:generateContent
    https://L-aiplatform.googleapis.com/v1beta1/projects/P/locations/L/publishers/google/models/M:generateContent
    https://aiplatform.googleapis.com/…/locations/global/…                                the global endpoint
    https://aiplatform.eu.rep.googleapis.com/…/locations/eu/…                             a region of several
    https://aiplatform.googleapis.com/v1beta1/publishers/google/models/M:generateContent  express mode, with an API key
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from providers.errors import ConfigurationError

GEMINI_BASE = "https://generativelanguage.googleapis.com"
VERTEX_BASE = "https://aiplatform.googleapis.com"
GLOBAL = "global"
SEVERAL = ("us", "eu")
"""Locations that are several regions."""
VERSIONED = re.compile(r"(?P<root>.*?)/(?P<version>v\d+(?:(?:alpha|beta)\d*)?)(?P<rest>/.*)?")
PROJECT = re.compile(r"/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)(?:/.*)?")
SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
"""Projects may have a domain before them (`example.com:name`)."""
NAMED = ("models/", "tunedModels/")
RESOURCES = ("publishers/", "endpoints/", "models/")


def read_address(address: str) -> tuple[str, dict[str, str]]:
    """The API base of an address as it was copied, and the options that it holds: version, project and location."""
    address = address.strip()
    try:
        url = urlsplit(address)
    except ValueError:
        return address, {}
    found = VERSIONED.fullmatch(url.path.rstrip("/"))
    if found is None:
        return address.rstrip("/"), {}
    options = {"api_version": found["version"]}
    if place := PROJECT.fullmatch(found["rest"] or ""):
        options |= {name: unquote(value) for name, value in place.groupdict().items()}
    return urlunsplit(url._replace(path=found["root"])), options


def read_gemini_address(address: str) -> tuple[str, dict[str, str]]:
    """As `read_address`, without what only Vertex has."""
    base, options = read_address(address)
    return base, {name: value for name, value in options.items() if name == "api_version"}


def gemini_path(version: str, model: str) -> str:
    """The path of a model of AI Studio, to which a verb is added."""
    named = next((prefix for prefix in NAMED if model.startswith(prefix)), "")
    return f"/{version}/{named or NAMED[0]}{quote(model.removeprefix(named), safe='')}"


def vertex_path(version: str, model: str, project: str, location: str) -> str:
    """The path of a model of Vertex, to which a verb is added; without a project that of express mode."""
    if model.startswith("projects/"):
        return f"/{version}/{quote(model, safe='/')}"
    known = model.startswith(RESOURCES)
    resource = quote(model, safe="/") if known else f"publishers/google/models/{quote(model, safe='')}"
    place = f"projects/{quote(project, safe=':')}/locations/{location}/" if project else ""
    return f"/{version}/{place}{resource}"


def vertex_base(location: str) -> str:
    """The address that serves a location."""
    if location == GLOBAL:
        return VERTEX_BASE
    if location in SEVERAL:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def segment(options: Mapping[str, Any], name: str, default: str) -> str:
    """An option that becomes part of an address. Raises `ConfigurationError` for one that cannot."""
    value = options.get(name) or default
    if value and not (isinstance(value, str) and SEGMENT.fullmatch(value)):
        raise ConfigurationError("options", f"{name} must be letters, digits, '.', '_', ':' and '-'; got {value!r:.60}")
    return str(value)
