"""Where does Vertex AI serve Anthropic's models? Below a project and a location, with the model and what is asked of it.

Reference: Vertex AI's REST reference of 2026, `publishers.models.rawPredict`; addresses as Anthropic's SDK 2.14 has them.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from providers.errors import ConfigurationError
from providers.types import TargetConfig

BASE = "https://aiplatform.googleapis.com"
GLOBAL = "global"
SEVERAL = ("us", "eu")
"""Locations that are several regions."""
ADDRESS = re.compile(r"(?P<root>.*?)/v1(?:/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)(?:/.*)?)?")
SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")


def read_address(address: str) -> tuple[str, dict[str, str]]:
    """The API base of an address as it was copied, and the project and the location that it names."""
    address = address.strip()
    try:
        url = urlsplit(address)
    except ValueError:
        return address, {}
    path = url.path.rstrip("/")
    found = ADDRESS.fullmatch(path)
    if found is None:
        return urlunsplit(url._replace(path=path)), {}
    options = {name: unquote(value) for name in ("project", "location") if (value := found[name])}
    return urlunsplit(url._replace(path=found["root"])), options


def base_of(config: TargetConfig) -> str:
    """The operator's address, or the one that serves the location."""
    location = _segment(config, "location", GLOBAL)
    if config.api_base or location == GLOBAL:
        return config.api_base or BASE
    if location in SEVERAL:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def path_of(config: TargetConfig, model: str, verb: str) -> str:
    """Where a verb of a model is asked for. Raises `ConfigurationError`."""
    project, location = _segment(config, "project"), _segment(config, "location", GLOBAL)
    place = f"/v1/projects/{quote(project, safe=':')}/locations/{location}"
    return f"{place}/publishers/anthropic/models/{quote(model, safe='@')}:{verb}"


def _segment(config: TargetConfig, name: str, default: str = "") -> str:
    value: Any = config.options.get(name) or default
    if not (isinstance(value, str) and SEGMENT.fullmatch(value)):
        raise ConfigurationError("options", f"{name} must be letters, digits, '.', '_', ':' and '-'; got {value!r:.60}")
    return value
